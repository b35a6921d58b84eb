import { check, type Finding, headOf, kindOf } from './check.js';
import type { Document } from './document.js';
import { described } from './check.js';
import type { Resource } from './resources/kinds.js';

/** A document, what it says, and what Calico's API would say of it. */
export interface Understood {
  readonly document: Document;
  /** undefined: no decision can be made of it, or it is none of our business. */
  readonly resource: Resource | undefined;
  readonly findings: readonly Finding[];
}

/** Reads a document as Felix would: what it can work with is taken, however much Calico's API would object. */
export function understand(document: Document): Understood {
  const findings = check(document);
  const kind = kindOf(document.value);
  if (kind === undefined) return { document, resource: undefined, findings };
  const read = kind.reading.safeParse(document.value);
  if (read.success) return { document, resource: read.data, findings };
  if (findings.some(isError)) return { document, resource: undefined, findings };
  // The reading refuses what the API lets pass: say so in its words.
  const [issue] = read.error.issues;
  const path = (issue?.path ?? []).map((step) => (typeof step === 'number' ? step : String(step)));
  const message = issue?.message ?? described(document.value);
  return { document, resource: undefined, findings: [...findings, { document, path, message }] };
}

/**
 * What the resource is called, whatever is wrong with the rest: `IPPool/default`; a block by its name alone, for there may
 * be a million of them.
 */
export function identityOf({ value }: Document): string | undefined {
  const { kind, apiVersion, name } = headOf(value);
  if (kind === undefined || name === undefined) return undefined;
  if (kind === 'IPAMBlock' && name !== '' && !name.includes('/') && apiVersion !== 'v1')
    return name;
  // Calico's view of a node and Kubernetes' are two resources.
  return apiVersion === 'v1' ? `v1/${kind}/${name}` : `${kind}/${name}`;
}

export function isError({ severity = 'error' }: Finding): boolean {
  return severity === 'error';
}

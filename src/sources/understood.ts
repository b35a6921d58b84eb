import { headOf } from '../model/check.js';
import { type Document, withoutNulls } from '../model/document.js';
import { identityOf, understand, type Understood } from '../model/understand.js';
import { kept, type Names } from '../model/plain-block.js';
import { deepest, isTooDeep } from './depth.js';

/** A place of a datastore that has no readable resource: whose it is, and what is wrong with what is there. */
export class Unreadable {
  readonly head: Head;
  /** `not JSON: Unexpected end of JSON input`. */
  readonly message: string;

  constructor(head: Head, message: string) {
    this.head = head;
    this.message = message;
  }
}

/** What says which resource it is. With it a refused one gives way to its last good edition. */
export interface Head {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/**
 * What a resource of a datastore says, and as little as can be of how it is written: there may be a million, and a
 * Kubernetes node has tens of kilobytes.
 */
export function understoodAt(key: string, resource: unknown, names: Names): Understood {
  if (resource instanceof Unreadable) return refused(key, resource.head, resource.message);
  if (isTooDeep(resource))
    return refused(key, headIn(resource), `nested more than ${deepest} levels deep`);
  const one = understand(documentAt(key, withoutNulls(resource)));
  const { resource: block, findings: faults } = one;
  if (block?.kind === 'IPAMBlock' && faults.length === 0 && identityOf(one.document) === block.name)
    return kept(one, new BlockShelf(key, block.name), 0, names);
  const document = documentAt(key, slim(one.document.value));
  const findings = faults.map((finding) => ({ ...finding, document }));
  return { document, resource: one.resource, findings };
}

function refused(key: string, value: unknown, message: string): Understood {
  const document = documentAt(key, value);
  return { document, resource: undefined, findings: [{ document, path: [], message }] };
}

/** A datastore has no lines: the key says where a resource is, the path of a problem which member is meant. */
function documentAt(key: string, value: unknown): Document {
  return {
    file: key,
    value,
    base: [],
    spot: () => ({ file: key }),
    keySpot: () => ({ file: key }),
  };
}

/** What is asked of a document once its resource is understood: whose it is, and what a pool claims. */
function slim(value: unknown): unknown {
  const head = headIn(value);
  if (head.kind !== 'IPPool') return head;
  const { spec } = value as { readonly spec?: { readonly cidr?: unknown } | string };
  return { ...head, spec: typeof spec === 'object' ? { cidr: spec.cidr } : spec };
}

function headIn(value: unknown): { readonly kind: string | undefined } {
  const { kind, apiVersion, name } = headOf(value);
  const head = { apiVersion, kind, metadata: { name } };
  return head;
}

/** The place of a block without faults; its name says whose it is. */
class BlockShelf {
  readonly #key: string;
  readonly #name: string;

  constructor(key: string, name: string) {
    this.#key = key;
    this.#name = name;
  }

  document(): Document {
    const metadata = { name: this.#name };
    return documentAt(this.#key, {
      apiVersion: 'crd.projectcalico.org/v1',
      kind: 'IPAMBlock',
      metadata,
    });
  }
}

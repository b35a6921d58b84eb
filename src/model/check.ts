import * as z from 'zod';
import type { Document } from './document.js';
import { didYouMean, nearest } from './nearest.js';
import { type Path, type Problem, pathText } from './problem.js';
import { calicoGroups, kinds, type Resource, unreadKinds } from './resources/kinds.js';
import type { Complaint, ResourceKind } from './resources/kind.js';

/** A complaint, and the document that it is about. */
export interface Finding extends Complaint {
  readonly document: Document;
  /** Another file that the message names a place of. */
  readonly beside?: string;
}

/** What Calico's API would say of one document, looked at alone. */
export function check(document: Document): Finding[] {
  const { value } = document;
  const kind = kindOf(value);
  const complaints =
    kind === undefined
      ? strangerComplaints(value)
      : [...schemaComplaints(kind.schema, value), ...kind.rules(value)];
  const seen = new Set<string>();
  return complaints
    .filter(({ path, message }) => {
      const key = `${pathText(path)} ${message}`;
      return !seen.has(key) && seen.add(key);
    })
    .map((complaint) => ({ ...complaint, document }));
}

/** How to read a document; undefined for what we don't read. */
export function kindOf(value: unknown): ResourceKind<Resource> | undefined {
  const { kind, apiVersion } = headOf(value);
  return kinds.find((one) => one.kind === kind && one.apiVersions.includes(apiVersion ?? ''));
}

/** A finding with the place it is at. */
export function problemOf({
  document,
  severity = 'error',
  path,
  message,
  atKey = false,
}: Finding): Problem {
  const spot = atKey ? document.keySpot(path) : document.spot(path);
  return { severity, path: pathText([...document.base, ...path]), message, ...spot };
}

/** Kind, version and name of whatever a document holds. */
export function headOf(value: unknown): {
  kind?: string | undefined;
  apiVersion?: string | undefined;
  name?: string | undefined;
} {
  if (!isMap(value)) return {};
  const { kind, apiVersion, metadata } = value;
  const name = isMap(metadata) ? metadata['name'] : undefined;
  return { kind: textOf(kind), apiVersion: textOf(apiVersion), name: textOf(name) };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A document that is nothing we read: a typo, or none of our business. */
function strangerComplaints(value: unknown): Complaint[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [
      {
        path: [],
        message: `a resource is a map with apiVersion, kind, metadata and spec; this is ${described(value)}`,
      },
    ];
  const { kind, apiVersion } = headOf(value);
  if (kind === undefined)
    return [
      { path: 'kind' in value ? ['kind'] : [], message: 'a resource needs a kind, such as IPPool' },
    ];
  if (apiVersion === undefined)
    return [
      {
        path: 'apiVersion' in value ? ['apiVersion'] : [],
        message: `a resource needs an apiVersion${versionsOf(kind)}`,
      },
    ];
  const ours = kinds.filter((one) => one.kind === kind);
  if (ours.length > 0) {
    const versions = ours.flatMap((one) => one.apiVersions);
    const message = `there is no ${kind} in ${apiVersion}${didYouMean(apiVersion, versions)} (${versions.join(', ')})`;
    return [{ path: ['apiVersion'], message }];
  }
  if (unreadKinds.includes(kind)) return [];
  const known = [...new Set([...kinds.map((one) => one.kind), ...unreadKinds])];
  const group = apiVersion.split('/')[0] ?? '';
  const near = nearest(kind, known);
  if (calicoGroups.includes(group) || near?.toLowerCase() === kind.toLowerCase())
    return [{ path: ['kind'], message: `there is no kind ${kind}${didYouMean(kind, known)}` }];
  return [
    {
      severity: 'warning',
      path: ['kind'],
      message: `${kind} of ${apiVersion} is no resource of Calico: not read`,
    },
  ];
}

function versionsOf(kind: string): string {
  const versions = kinds.filter((one) => one.kind === kind).flatMap((one) => one.apiVersions);
  return versions.length === 0 ? '' : ` (${versions.join(', ')})`;
}

/** What a schema has against a value, each with the member that is meant. */
export function schemaComplaints(schema: z.ZodType, value: unknown): Complaint[] {
  const result = schema.safeParse(value, { reportInput: true, error: message });
  if (result.success) return [];
  return result.error.issues.flatMap(meant).flatMap((issue): Complaint[] => {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
    const members = membersAt(schema, path);
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `unknown field${didYouMean(key, members)}`,
      atKey: true,
    }));
  });
}

/** What is wrong with a value that may be of several shapes: what the shape says that it was meant to have. */
function meant(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const shape = issue.errors.find((issues) => issues.every((one) => fits(one, issue.input)));
  if (shape === undefined) return [issue];
  return shape.flatMap((one) => meant({ ...one, path: [...issue.path, ...one.path] }));
}

/** Whether a shape had more to say of a value than that it is of another type. */
function fits(issue: z.core.$ZodIssue, value: unknown): boolean {
  if (issue.path.length > 0) return true;
  if (issue.code === 'invalid_value') return typeof value === 'string';
  return issue.code !== 'invalid_type' || (issue.expected === 'int' && typeof value === 'number');
}

const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

/** For issues whose schema has no words of its own. */
function message(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return 'this is missing';
  const found = described(issue.input);
  if (issue.code === 'invalid_type')
    return `expected ${nouns[issue.expected] ?? issue.expected}, found ${found}`;
  if (issue.code === 'invalid_value')
    return `expected ${issue.values.map(String).join(' or ')}, found ${found}`;
  if (issue.code === 'too_big' || issue.code === 'too_small') {
    const unit = issue.origin === 'array' ? 'entries' : 'characters';
    return issue.code === 'too_big'
      ? `at most ${String(issue.maximum)} ${unit}`
      : `at least ${String(issue.minimum)} ${unit}`;
  }
  return `${found} is not valid here`;
}

/** A value in a few words. */
export function described(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const text = JSON.stringify(value);
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return typeof value === 'string' ? `the text ${short}` : short;
}

/** The members that a schema knows at a path. */
function membersAt(schema: unknown, path: Path): string[] {
  if (schema instanceof z.ZodOptional) return membersAt(schema.unwrap(), path);
  const [step, ...rest] = path;
  if (schema instanceof z.ZodObject) {
    const shape: Readonly<Record<string, unknown>> = schema.shape;
    return step === undefined ? Object.keys(shape) : membersAt(shape[String(step)], rest);
  }
  if (schema instanceof z.ZodArray) return membersAt(schema.element, rest);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((one) => membersAt(one, path));
  return [];
}

import { headOf } from '../model/check.js';
import { type Document, withoutNulls } from '../model/document.js';
import { identityOf, understand, type Understood } from '../model/understand.js';
import { kept, type Names, type Shelf } from '../model/plain-block.js';
import type { Spot } from '../model/problem.js';
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

/** Resources of one datastore, as little as can be of each: there may be a million, and some have tens of kilobytes. */
export class Understanding implements Shelf {
  /** What a user sees as the place of a resource. */
  readonly place: (key: string) => string;
  readonly #names: Names = new Map();
  readonly #keepsAll: boolean;

  /** `keepsAll`: for a command that shows them, whatever memory that takes. */
  constructor(place: (key: string) => string, keepsAll = false) {
    this.place = place;
    this.#keepsAll = keepsAll;
  }

  /** What the resource under a key says. */
  of(key: string, resource: unknown): Understood {
    if (resource instanceof Unreadable) return this.#refused(key, resource.head, resource.message);
    if (isTooDeep(resource))
      return this.#refused(key, headIn(resource), `nested more than ${deepest} levels deep`);
    const one = understand(this.#document(key, withoutNulls(resource)));
    if (this.#keepsAll) return one;
    const { resource: block, findings: faults } = one;
    if (block?.kind === 'IPAMBlock' && faults.length === 0 && identityOf(one.document) === key)
      return kept({ ...one, resource: { ...block, name: key } }, this, 0, this.#names);
    const document = this.#document(key, slim(one.document.value));
    const findings = faults.map((finding) => ({ ...finding, document }));
    return { document, resource: one.resource, findings };
  }

  /** Of a block without faults: its key is its name. */
  document(_index: number, name: string): Document {
    const head = { apiVersion: 'crd.projectcalico.org/v1', kind: 'IPAMBlock', metadata: { name } };
    return this.#document(name, head);
  }

  #refused(key: string, value: unknown, message: string): Understood {
    const document = this.#document(key, value);
    return { document, resource: undefined, findings: [{ document, path: [], message }] };
  }

  /** A datastore has no lines: the file says where a resource is, the path of a problem which member is meant. */
  #document(key: string, value: unknown): Document {
    const file = this.place(key);
    const spot = (): Spot => ({ file });
    return { file, value, base: [], spot, keySpot: spot };
  }
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

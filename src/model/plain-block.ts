import type { Cidr } from '../net/cidr.js';
import type { Finding } from './check.js';
import type { Document } from './document.js';
import type { IpamBlock } from './resources/ipam-block.js';
import { identityOf, type Understood } from './understand.js';

/** Where the documents of one file, or of whatever a source reads at once, can be had again. */
export interface Shelf {
  /** By where it was among them, and what it is called. */
  document(index: number, name: string): Document;
}

/**
 * A block without faults, as small as it can be kept: there may be a million. What only `get` and `explain` show of it is
 * left out, its document is read again where a place in it has to be told.
 */
export class PlainBlock implements Understood, IpamBlock {
  readonly name: string;
  readonly cidr: Cidr;
  readonly node: string | undefined;
  readonly allocations: IpamBlock['allocations'];
  readonly #shelf: Shelf;
  readonly #index: number;

  constructor({ name, cidr, node, allocations }: IpamBlock, shelf: Shelf, index: number) {
    this.name = name;
    this.cidr = cidr;
    this.node = node;
    this.allocations = allocations;
    this.#shelf = shelf;
    this.#index = index;
  }

  get kind(): 'IPAMBlock' {
    return 'IPAMBlock';
  }

  get spec(): IpamBlock['spec'] {
    return {};
  }

  get resource(): IpamBlock {
    return this;
  }

  get findings(): readonly Finding[] {
    return none;
  }

  get document(): Document {
    return this.#shelf.document(this.#index, this.name);
  }
}

const none: readonly Finding[] = [];

/** What the resource of a document is called; no document is read again for it. */
export function identityIn(one: Understood): string | undefined {
  return one instanceof PlainBlock ? one.name : identityOf(one.document);
}

/** What has to be kept of a document that was understood, by a source that can show it again. */
export function kept(one: Understood, shelf: Shelf, index: number, names: Names): Understood {
  const { document, resource, findings } = one;
  if (findings.length > 0) return one;
  if (resource?.kind === 'IPAMBlock' && identityOf(document) === resource.name)
    return new PlainBlock(slim(resource, document, names), shelf, index);
  const { file, value, base } = document;
  return {
    ...one,
    document: {
      file,
      value,
      base,
      spot: (path) => shelf.document(index, '').spot(path),
      keySpot: (path) => shelf.document(index, '').keySpot(path),
    },
  };
}

/** Names that many resources have: one text for all of them. */
export type Names = Map<string, string>;

/** Decisions are made of the addresses that others than the block's node have. */
function slim(block: IpamBlock, { value }: Document, names: Names): IpamBlock {
  const { cidr, node, allocations } = block;
  const borrowed = [...allocations].filter(([, holder]) => holder !== undefined && holder !== node);
  return {
    ...block,
    cidr: same(cidr, (value as { spec: { cidr: string } }).spec.cidr),
    node: node === undefined ? undefined : once(node, names),
    allocations:
      borrowed.length === 0
        ? nobody
        : new Map(borrowed.map(([ordinal, holder]) => [ordinal, once(String(holder), names)])),
  };
}

const nobody: IpamBlock['allocations'] = new Map();

/** The text as it was read takes less memory than one that was put together. */
function same<Text extends string>(text: Text, written: string): Text {
  return text === written ? (written as Text) : text;
}

function once(name: string, names: Names): string {
  const there = names.get(name);
  if (there !== undefined) return there;
  names.set(name, name);
  return name;
}

/** Whether decisions are the same with one block as with the other. */
export function sameBlock(a: IpamBlock, b: IpamBlock): boolean {
  return (
    a.cidr === b.cidr &&
    a.node === b.node &&
    a.allocations.size === b.allocations.size &&
    [...a.allocations].every(
      ([ordinal, holder]) => b.allocations.has(ordinal) && b.allocations.get(ordinal) === holder,
    )
  );
}

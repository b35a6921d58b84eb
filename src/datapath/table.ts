import type { Weight } from './weight.js';

/** One kernel table as the reconciler sees it: what it holds now, and how to change it. */
export interface Table<K, V> {
  readonly name: TableName;
  /** Read from the kernel at each call: the kernel is the memory. */
  entries(): ReadonlyMap<K, V>;
  put(entries: ReadonlyMap<K, V>): void;
  remove(keys: readonly K[]): void;
  /** Whether two values are the same to the kernel. */
  same(a: V, b: V): boolean;
  /** Entries that the last reading could make nothing of, by their key in hex: somebody else wrote them. */
  nonsense?(): readonly string[];
  /** Takes those away. */
  sweep?(): void;
}

/** A table of many entries: single ones can be looked up, and all of them weighed. */
export interface LookedUp<K, V> extends Table<K, V> {
  get(key: K): V | undefined;
  /** Of what the kernel holds now. */
  weight(): Weight;
  /** What these entries would weigh in it. */
  weigh(entries: ReadonlyMap<K, V>): Weight;
}

/** The tables in the order in which they are filled (reliability: accept before send, send before route). */
export const tableNames = [
  'interfaces',
  'reverse_paths',
  'sources',
  'externals',
  'peers',
  'policies',
  'blocks',
  'slots',
  'pools',
  'cutters',
  'neighbours',
  'addresses',
  'routes',
  'groups',
  'detours',
  'rules',
  'mergers',
  'workloads',
  'shortcuts',
] as const;

export type TableName = (typeof tableNames)[number];

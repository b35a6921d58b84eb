import type { MapName } from '../datapath/maps.js';
import { EncapError } from '../errors.js';
import { readAddress } from '../net/address.js';
import { readCidr, type Cidr } from '../net/cidr.js';
import { PrefixTable } from '../net/prefix-table.js';
import type { Dump } from './map-dump.js';
import { didYouMean } from './suggest.js';

type Item = Dump['items'][number];

/** The members of an entry that a key may name it by. */
interface Keys {
  /** A prefix: named by itself, or by an address that no longer one holds. */
  readonly prefix?: string;
  readonly address?: string;
  readonly number?: string;
  /** Of a node, a pool or a verdict. */
  readonly name?: string;
  /** The map has one entry, of number 0. */
  readonly only?: true;
}

const keysOf: Readonly<Record<MapName, Keys>> = {
  blocks: { prefix: 'block', name: 'node' },
  pools: { prefix: 'pool' },
  slots: { number: 'slot', name: 'node' },
  peers: { number: 'index', address: 'address', name: 'node' },
  policies: { number: 'index', name: 'pool' },
  sources: { address: 'source', name: 'node' },
  externals: { prefix: 'source', name: 'node' },
  verdicts: { name: 'verdict' },
  peer_traffic: { number: 'index', name: 'node' },
  path_mtus: { number: 'index', name: 'node' },
  strangers: { address: 'address' },
  cutters: { only: true },
  workloads: { address: 'workload' },
  shortcuts: { only: true },
  tracers: { only: true },
  traced: { only: true },
  decisions: {},
};

/** The entries that a key names, of those that a map has; never none: USAGE says what it can be. */
export async function entriesAt(
  map: MapName,
  items: readonly Item[],
  key: string,
): Promise<readonly Item[]> {
  const keys = keysOf[map];
  if (!canBe(keys, key))
    throw new EncapError(`cannot look up ${key} in ${map}: no key of it looks like this`, {
      code: 'USAGE',
      hint: `give ${wordsFor(keys)}`,
    });
  const found = items.filter(matcher(keys, items, key));
  if (found.length > 0) return found;
  throw new EncapError(`cannot look up ${key} in ${map}: no entry has it`, {
    code: 'USAGE',
    hint: await didYouMean(key, namesIn(keys, items), `encap map dump ${map}`),
  });
}

function canBe({ prefix, address, number, name, only }: Keys, key: string): boolean {
  if (readAddress(key) !== undefined) return prefix !== undefined || address !== undefined;
  if (key.includes('/')) return prefix !== undefined || name !== undefined;
  if (/^\d+$/.test(key)) return number !== undefined || name !== undefined || only === true;
  return name !== undefined;
}

function matcher(
  { prefix, address, number, name, only }: Keys,
  items: readonly Item[],
  key: string,
): (item: Item) => boolean {
  const canonical = readAddress(key);
  const wanted = [
    prefix === undefined ? undefined : ([prefix, holderOf(prefix, items, key)] as const),
    address === undefined ? undefined : ([address, canonical] as const),
    number === undefined || !/^\d+$/.test(key) ? undefined : ([number, Number(key)] as const),
    name === undefined ? undefined : ([name, key] as const),
  ].filter((one) => one?.[1] !== undefined);
  return (item) =>
    (only === true && key === '0') ||
    wanted.some((one) => one !== undefined && item[one[0]] === one[1]);
}

/** As the programs have it: the longest prefix that holds an address; a prefix is itself alone. */
function holderOf(member: string, items: readonly Item[], key: string): Cidr | undefined {
  const address = readAddress(key);
  if (address === undefined) return readCidr(key)?.cidr;
  return new PrefixTable(items.map((item) => [item[member] as Cidr, undefined])).match(address)
    ?.cidr;
}

function namesIn({ name }: Keys, items: readonly Item[]): readonly string[] {
  return name === undefined ? [] : [...new Set(items.map((item) => String(item[name])))];
}

function wordsFor({ prefix, address, number, name, only }: Keys): string {
  const words = [
    ...(prefix === undefined ? [] : ['an address', `a CIDR of its ${prefix}s`]),
    ...(address === undefined ? [] : ['an address']),
    ...(number === undefined ? [] : [`the number of its ${number}`]),
    ...(name === undefined ? [] : [`the name of a ${name}`]),
    ...(only === true ? ['0: it has one entry'] : []),
  ];
  return words.join(', or ');
}

import type { BpfMap } from 'libbpf-ts';
import type { PoolEntry } from '../../model/desired.js';
import type { Cidr } from '../../net/cidr.js';
import { pool, poolKey } from '../abi.js';
import type { Table } from '../table.js';
import { hashTable } from './hash.js';

/** Pool CIDR → the prefix lengths of its blocks. */
export function pools(map: BpfMap<Uint8Array, Uint8Array>): Table<Cidr, PoolEntry> {
  return hashTable('pools', map.typed(poolKey, pool), samePool);
}

function samePool(a: PoolEntry, b: PoolEntry): boolean {
  return (
    a.blockLengths.length === b.blockLengths.length &&
    a.blockLengths.every((length, place) => length === b.blockLengths[place])
  );
}

import type { BpfMap } from 'libbpf-ts';
import type { Cidr } from '../../net/cidr.js';
import { pool, poolKey } from '../abi.js';
import { samePool, type PoolRow } from '../entry.js';
import type { Table } from '../table.js';
import { hashTable } from './hash.js';

/** Pool CIDR → the prefix lengths of its blocks, and its part of the slots. */
export function pools(map: BpfMap<Uint8Array, Uint8Array>): Table<Cidr, PoolRow> {
  return hashTable('pools', map, { key: poolKey, value: pool }, samePool);
}

import type { BpfMap } from 'libbpf-ts';
import type { Cidr } from '../../net/cidr.js';
import { poolKey, source } from '../abi.js';
import { sameSource, type SourceEntry } from '../entry.js';
import type { Table } from '../table.js';
import { hashTable } from './hash.js';

/** externalNodesList: CIDR of hosts outside the cluster → which encapsulations they may use. */
export function externals(map: BpfMap<Uint8Array, Uint8Array>): Table<Cidr, SourceEntry> {
  return hashTable('externals', map, { key: poolKey, value: source }, sameSource);
}

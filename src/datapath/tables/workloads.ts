import { isDeepStrictEqual } from 'node:util';
import type { Address } from '../../net/address.js';
import { sourceKey, workload } from '../abi.js';
import type { WorkloadEntry } from '../entry.js';
import type { RawMap } from '../maps.js';
import type { Table } from '../table.js';
import { hashTable } from './hash.js';

/** A workload's address → the interface that it is behind. */
export function workloads(map: RawMap): Table<Address, WorkloadEntry> {
  return hashTable('workloads', map, { key: sourceKey, value: workload }, isDeepStrictEqual);
}

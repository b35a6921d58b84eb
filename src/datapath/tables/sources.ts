import type { BpfMap } from 'libbpf-ts';
import type { Address } from '../../net/address.js';
import { source, sourceKey } from '../abi.js';
import { sameSource, type SourceEntry } from '../entry.js';
import type { Table } from '../table.js';
import { hashTable } from './hash.js';

/** Outer source address → who it is, and which encapsulations it may use. */
export function sources(map: BpfMap<Uint8Array, Uint8Array>): Table<Address, SourceEntry> {
  return hashTable('sources', map, { key: sourceKey, value: source }, sameSource);
}

import type { BpfMap } from 'libbpf-ts';
import type { Policy } from '../../model/desired.js';
import { policy } from '../abi.js';
import { samePolicy, type PolicyIndex } from '../entry.js';
import type { Table } from '../table.js';
import { arrayTable } from './array.js';

/** What the packets of a pool get: a mode switch is one write here. */
export function policies(map: BpfMap<Uint8Array, Uint8Array>): Table<PolicyIndex, Policy> {
  return arrayTable('policies', map, policy, samePolicy);
}

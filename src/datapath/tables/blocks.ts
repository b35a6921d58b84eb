import type { BpfMap } from 'libbpf-ts';
import type { Cidr } from '../../net/cidr.js';
import { block, blockKey } from '../abi.js';
import { sameBlock, type BlockEntry } from '../entry.js';
import type { LookedUp } from '../table.js';
import { hashTable } from './hash.js';

/** Block, or one borrowed address → its owner and policy. */
export function blocks(map: BpfMap<Uint8Array, Uint8Array>): LookedUp<Cidr, BlockEntry> {
  return hashTable('blocks', map, { key: blockKey, value: block }, sameBlock);
}

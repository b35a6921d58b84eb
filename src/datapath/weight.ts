import type { Batch } from 'libbpf-ts';
import { isZero } from './used.js';

/**
 * A sum over entries, modulo 2^32: tells what a table holds from what else it may hold, in any order, without keeping
 * it; one other content in 2^32 weighs the same.
 */
export type Weight = number;

/** All these entries together; `zeros`: whether one whose value is all 0 is there, which in an array it is not. */
export function weightOf(batches: Iterable<Batch>, zeros: 'there' | 'absent'): Weight {
  let sum = 0;
  for (const { keys, values, count } of batches) {
    const [keySize, valueSize] = [keys.length / count, values.length / count];
    for (let index = 0; index < count; index += 1) {
      const start = index * valueSize;
      if (zeros === 'absent' && isZero(values, start, start + valueSize)) continue;
      const key = mixed(keys, index * keySize, keySize, 0);
      sum += mixed(values, start, valueSize, key);
    }
    sum >>>= 0;
  }
  return sum;
}

/** What it comes to when entries of weight `gone` went and others of weight `come` came. */
export function shifted(weight: Weight, gone: Weight, come: Weight): Weight {
  return (weight - gone + come) >>> 0;
}

/** Each byte goes into all bits: an odd multiplier (2^32 by the golden ratio) carries it up, the shift down again. */
function mixed(bytes: Uint8Array, from: number, length: number, start: number): number {
  let hash = start;
  for (let at = from; at < from + length; at += 1) {
    hash = Math.imul(hash ^ (bytes[at] ?? 0) ^ 0x100, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

import type { RawMap } from './maps.js';

/**
 * Entries of an array that are in use, as bytes: those that are not all zero. An array may have thousands of which a
 * few are: no object is made of the others.
 */
export function usedEntries(map: RawMap): readonly [key: Uint8Array, value: Uint8Array][] {
  const { keySize, valueSize } = map.info;
  const used: [Uint8Array, Uint8Array][] = [];
  for (const { keys, values, count } of map.readBatches())
    for (let index = 0; index < count; index += 1)
      if (!isZero(values, index * valueSize, (index + 1) * valueSize))
        used.push([
          keys.slice(index * keySize, (index + 1) * keySize),
          values.slice(index * valueSize, (index + 1) * valueSize),
        ]);
  return used;
}

/** Whether all bytes from one place to another (which is not among them) are 0. */
export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

import type { Address } from '../net/address.js';
import { sourceKey, stranger } from './abi.js';
import type { RawMap } from './maps.js';

/** Somebody who sends us tunnel packets and may not: behind NAT, of another cluster, or a node that is not known yet. */
export interface Stranger {
  readonly address: Address;
  readonly packets: number;
  /** Since the last one. */
  readonly secondsAgo: number;
}

/** The last one first. */
export function readStrangers(map: RawMap): readonly Stranger[] {
  const now = process.hrtime.bigint(); // the programs' clock too: CLOCK_MONOTONIC
  return [...map.typed(sourceKey, stranger).entries()]
    .map(([address, { packets, seen }]) => ({
      address,
      packets: Number(packets),
      secondsAgo: Number(now - seen) / 1e9,
    }))
    .sort((a, b) => a.secondsAgo - b.secondsAgo);
}

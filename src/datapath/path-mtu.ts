import { u32 } from 'libbpf-ts';
import { pathMtu } from './abi.js';
import type { PeerIndex } from './entry.js';
import type { RawMap } from './maps.js';

/** What routers on the way to a peer said of the largest packet that they forward. */
export interface PathMtu {
  readonly index: PeerIndex;
  /** Bytes of an outer packet. */
  readonly mtu: number;
  /** The path may have grown after that: larger packets are tried again. */
  readonly secondsLeft: number;
}

/** Learned path MTUs that count now, by peer. */
export function readPathMtus(map: RawMap): readonly PathMtu[] {
  const now = process.hrtime.bigint(); // the programs' clock too: CLOCK_MONOTONIC
  return map
    .typed(u32, pathMtu)
    .readAll()
    .filter(([, { mtu, until }]) => mtu !== 0 && until > now)
    .map(([index, { mtu, until }]) => ({ index, mtu, secondsLeft: Number(until - now) / 1e9 }));
}

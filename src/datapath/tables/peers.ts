import { possibleCpus, u32, type BpfMap } from 'libbpf-ts';
import { peer, peerTraffic } from '../abi.js';
import { firstPeer, samePeer, type PeerEntry, type PeerIndex } from '../entry.js';
import type { Table } from '../table.js';
import { arrayTable } from './array.js';

/** Nodes by index. A place that gets another node starts its counters at zero. */
export function peers(
  map: BpfMap<Uint8Array, Uint8Array>,
  traffic: BpfMap<Uint8Array, Uint8Array>,
): Table<PeerIndex, PeerEntry> {
  const table = arrayTable('peers', map, peer, samePeer);
  const counters = traffic.typed(u32, peerTraffic);
  return {
    ...table,
    put: (entries) => {
      const before = table.entries();
      for (const index of entries.keys())
        if (index >= firstPeer && !before.has(index))
          counters.setPerCpu(
            index,
            Array.from({ length: possibleCpus() }, () => nothing),
          );
      table.put(entries);
    },
  };
}

const none = { packets: 0n, bytes: 0n };
const nothing = { encapsulated: none, decapsulated: none, direct: none };

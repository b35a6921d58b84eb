import { firstPeer } from '../datapath/entry.js';
import { openMaps } from '../datapath/maps.js';
import { readState } from '../datapath/state.js';
import { readPeerTraffic, readVerdicts, type Traffic } from '../datapath/traffic.js';
import { pinnedDatapath } from './pinned.js';
import type { Amount, Reading } from './rates.js';

/** What the programs count by themselves. */
export type Counted = 'peer' | 'verdict';

/** Reads the counters that are pinned now: an agent that loads a new layout moves them. */
export async function readCounted(env: NodeJS.ProcessEnv, by: Counted): Promise<Reading> {
  const { folders, generation } = await pinnedDatapath(env);
  const state = readState(folders.run);
  using opened = openMaps(generation);
  const counts = new Map<string, { tx: Amount; rx: Amount }>();
  if (by === 'verdict')
    for (const one of readVerdicts(opened.maps.verdicts, state?.verdicts ?? {}))
      counts.set(one.verdict, { tx: amountOf(one.egress), rx: amountOf(one.ingress) });
  else
    for (const [index, name] of Object.entries(state?.peers ?? {}))
      if (Number(index) >= firstPeer) {
        const traffic = readPeerTraffic(opened.maps.peer_traffic, Number(index));
        const { encapsulated, direct, decapsulated } = traffic;
        // a node of both families is two peers and one name
        const there = counts.get(nodeIn(name));
        counts.set(nodeIn(name), {
          tx: amountOf(encapsulated, direct, there?.tx),
          rx: amountOf(decapsulated, there?.rx),
        });
      }
  return { ns: process.hrtime.bigint(), counts };
}

function nodeIn(peer: string): string {
  return peer.replace(/^ipv[46]\//, '');
}

function amountOf(...parts: readonly (Traffic | Amount | undefined)[]): Amount {
  const sum = (member: keyof Amount): number =>
    parts.reduce((total, part) => total + Number(part?.[member] ?? 0), 0);
  return { packets: sum('packets'), bytes: sum('bytes') };
}

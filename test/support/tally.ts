import type { Lab } from '../../src/lab/state.js';
import { encapJson, ran } from './lab.js';

/** What one node counted, and what the kernel counted on its uplink. */
export interface Tally {
  /** By verdict name, packets of each direction. */
  readonly egress: Counts;
  readonly ingress: Counts;
  readonly kind: Readonly<Record<string, string>>;
  /** By peer name. */
  readonly encapsulated: Counts;
  readonly decapsulated: Counts;
  readonly direct: Counts;
  /** Packets that the uplink device handed to the wire and took from it: the kernel's own figures. */
  readonly wire: { readonly sent: number; readonly received: number };
}

type Counts = Readonly<Record<string, number>>;

/** Reads all counters of a node. */
export async function tallyOf(lab: Lab, node: string): Promise<Tally> {
  const [verdicts, peers, links] = await Promise.all([
    items<VerdictRow>(encapJson(lab, node, 'map', 'dump', 'verdicts')),
    items<PeerRow>(encapJson(lab, node, 'map', 'dump', 'peer_traffic')),
    ran(lab, node, 'ip', '-s', '-j', 'link', 'show', 'dev', 'eth0'),
  ]);
  const [uplink] = JSON.parse(links) as readonly LinkStatistics[];
  if (uplink === undefined) throw new Error(`${node} has no eth0`);
  return {
    egress: counts(verdicts, 'verdict', 'egressPackets'),
    ingress: counts(verdicts, 'verdict', 'ingressPackets'),
    kind: Object.fromEntries(verdicts.map(({ verdict, kind }) => [verdict, kind])),
    encapsulated: counts(peers, 'node', 'encapsulatedPackets'),
    decapsulated: counts(peers, 'node', 'decapsulatedPackets'),
    direct: counts(peers, 'node', 'directPackets'),
    wire: { sent: uplink.stats64.tx.packets, received: uplink.stats64.rx.packets },
  };
}

/** What was counted between two readings. */
export function between(before: Tally, after: Tally): Tally {
  const less = (a: Counts, b: Counts): Counts =>
    Object.fromEntries(Object.entries(a).map(([name, count]) => [name, count - (b[name] ?? 0)]));
  return {
    egress: less(after.egress, before.egress),
    ingress: less(after.ingress, before.ingress),
    kind: after.kind,
    encapsulated: less(after.encapsulated, before.encapsulated),
    decapsulated: less(after.decapsulated, before.decapsulated),
    direct: less(after.direct, before.direct),
    wire: {
      sent: after.wire.sent - before.wire.sent,
      received: after.wire.received - before.wire.received,
    },
  };
}

/** Sum over the verdicts of a kind (`carried`, `pass`, `drop`), or over all of them. */
export function sum(counts: Counts, kind: Tally['kind'], wanted?: string): number {
  return Object.entries(counts)
    .filter(([name]) => wanted === undefined || kind[name] === wanted)
    .reduce((total, [, count]) => total + count, 0);
}

async function items<Row>(document: Promise<unknown>): Promise<readonly Row[]> {
  return ((await document) as { readonly items: readonly Row[] }).items;
}

function counts<Row extends object>(
  rows: readonly Row[],
  name: keyof Row,
  value: keyof Row,
): Counts {
  return Object.fromEntries(rows.map((row) => [String(row[name]), Number(row[value])]));
}

interface VerdictRow {
  readonly verdict: string;
  readonly kind: string;
  readonly egressPackets: number;
  readonly ingressPackets: number;
}

interface PeerRow {
  readonly node: string;
  readonly encapsulatedPackets: number;
  readonly decapsulatedPackets: number;
  readonly directPackets: number;
}

interface LinkStatistics {
  readonly stats64: {
    readonly tx: { readonly packets: number };
    readonly rx: { readonly packets: number };
  };
}

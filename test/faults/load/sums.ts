/** What became of the datagrams of one direction, by their numbers. */
export interface Tally {
  readonly received: number;
  readonly distinct: number;
  readonly duplicates: number;
  readonly reordered: number;
  /** Meant for another workload, or from another one than it should be. */
  readonly strange: number;
}

/** What became of one kind of TCP connection. */
export interface Connections {
  readonly connections: number;
  readonly bytes: number;
  /** Did not come about. */
  readonly refused: number;
  readonly resets: number;
  /** Made no progress for longer than any retransmission takes. */
  readonly stalled: number;
  /** Other bytes arrived than were sent. */
  readonly wrong: number;
  readonly slowestMs: number;
}

/** What was seen on the wire. */
export interface Sight {
  readonly seen: number;
  readonly encapsulated: number;
  /** Addresses of a pool, not encapsulated. */
  readonly clear: number;
  /** The same while they might. */
  readonly allowed: number;
  /** Of those in clear, what was addressed to no machine. */
  readonly toNobody: number;
  /** The outer addresses are not those of the nodes that own the inner ones. */
  readonly mispaired: number;
  readonly examples: readonly string[];
  readonly missed: number;
}

/** Numbered datagrams, as they were seen on the wire. */
export interface Probes {
  /** By destination and underlay address, how many. */
  readonly to: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly distinct: number;
  /** Numbers that were seen before. */
  readonly again: number;
}

/** What came of a load. */
export interface Sums {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly misdelivered: number;
  /** Allowed: two CPUs may overtake each other. */
  readonly reordered: number;
  readonly tcp: Readonly<Record<string, Connections>>;
  readonly wire: Sight;
  /** Packets by the verdicts of drops that the programs of both nodes counted meanwhile. */
  readonly dropped: Readonly<Record<string, number>>;
  /** TCP segments that were sent again, by both workloads' kernels: too early ones are among them. */
  readonly retransmitted: number;
  /** Where datagrams were lost: numbers, and seconds after the start. */
  readonly gaps: readonly string[];
}

/** What a load may lose: nothing. */
export const none: Readonly<Record<string, unknown>> = {};

/** Whatever is no packet delivered once, to the right one, by the right way; equals `none` if all were. */
export function lossOf(sums: Sums): Readonly<Record<string, unknown>> {
  const { lost, duplicated, misdelivered, wire, gaps } = sums;
  const { clear, mispaired } = wire;
  const counts: Record<string, number> = { lost, duplicated, misdelivered, clear, mispaired };
  for (const [kind, { refused, resets, stalled, wrong }] of Object.entries(sums.tcp))
    for (const [what, count] of Object.entries({ refused, resets, stalled, wrong }))
      counts[`${kind} ${what}`] = count;
  for (const [verdict, count] of Object.entries(sums.dropped)) counts[`dropped ${verdict}`] = count;
  return {
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    ...(gaps.length > 0 ? { gaps } : {}),
    ...(clear + mispaired > 0 ? { examples: wire.examples } : {}),
  };
}

/** One line for the log of a test. */
export function inWords({ sent, received, reordered, tcp, wire, retransmitted }: Sums): string {
  const connections = Object.values(tcp).reduce((sum, { connections: n }) => sum + n, 0);
  const bytes = Object.values(tcp).reduce((sum, { bytes: n }) => sum + n, 0);
  return [
    `${sent} datagrams sent, ${received} received, ${reordered} reordered`,
    `${connections} connections, ${Math.round(bytes / 1000)} kB, ${retransmitted} segments sent again`,
    `${wire.encapsulated} frames encapsulated, ${wire.clear} in clear, ${wire.mispaired} mispaired`,
  ].join('; ');
}

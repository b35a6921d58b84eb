/** Packets and bytes of frames, as programs count them. */
export interface Amount {
  readonly packets: number;
  readonly bytes: number;
}

/** What was counted of each thing by some time, in both directions. */
export interface Reading {
  /** CLOCK_MONOTONIC, ns. */
  readonly ns: bigint;
  readonly counts: ReadonlyMap<string, { readonly tx: Amount; readonly rx: Amount }>;
}

/** One thing in an interval, by the second. */
export interface RateRow {
  readonly name: string;
  /** Egress. */
  readonly tx: Amount;
  /** Ingress. */
  readonly rx: Amount;
}

export const orders = ['bytes', 'packets', 'tx', 'rx', 'name'] as const;

export type Order = (typeof orders)[number];

/** Pure: what two readings differ by, by the second. A counter that went back began anew. */
export function ratesBetween(before: Reading, after: Reading): readonly RateRow[] {
  const seconds = Number(after.ns - before.ns) / 1e9;
  return [...after.counts].map(([name, now]) => {
    const then = before.counts.get(name);
    return { name, tx: rate(then?.tx, now.tx, seconds), rx: rate(then?.rx, now.rx, seconds) };
  });
}

/** The busiest first, then by name. */
export function ordered(rows: readonly RateRow[], order: Order): readonly RateRow[] {
  const weight = weights[order];
  return [...rows].sort(
    (a, b) => weight(b) - weight(a) || a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
}

const weights: Readonly<Record<Order, (row: RateRow) => number>> = {
  bytes: ({ tx, rx }) => tx.bytes + rx.bytes,
  packets: ({ tx, rx }) => tx.packets + rx.packets,
  tx: ({ tx }) => tx.bytes,
  rx: ({ rx }) => rx.bytes,
  name: () => 0,
};

function rate(before: Amount | undefined, after: Amount, seconds: number): Amount {
  const since = before !== undefined && before.packets <= after.packets ? before : none;
  return {
    packets: round((after.packets - since.packets) / seconds),
    bytes: round((after.bytes - since.bytes) / seconds),
  };
}

const none: Amount = { packets: 0, bytes: 0 };

/** To a tenth: more than that no interval can tell. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

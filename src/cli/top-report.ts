import { ordered, ratesBetween, type Order, type RateRow, type Reading } from './rates.js';

export const groupings = ['peer', 'verdict', 'block', 'pool'] as const;

export type Grouping = (typeof groupings)[number];

/** One tick of `encap top`: text and JSON are made from it. */
export interface TopReport {
  readonly apiVersion: 'encap/v1';
  readonly kind: 'Top';
  readonly by: Grouping;
  /** Wall clock at the end of the interval, ISO 8601. */
  readonly time: string;
  /** Length of the interval. */
  readonly seconds: number;
  /** By the second; what had no packet is left out, but for peers. */
  readonly items: readonly RateRow[];
}

/** Two readings in a row as a report. */
export function topReport(
  by: Grouping,
  order: Order,
  [before, after]: readonly [Reading, Reading],
): TopReport {
  const rows = ratesBetween(before, after);
  const busy = rows.filter(({ tx, rx }) => by === 'peer' || tx.packets > 0 || rx.packets > 0);
  return {
    apiVersion: 'encap/v1',
    kind: 'Top',
    by,
    time: new Date().toISOString(),
    seconds: Number(after.ns - before.ns) / 1e9,
    items: ordered(busy, order),
  };
}

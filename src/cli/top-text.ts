import { clockText } from './clock.js';
import type { RateRow } from './rates.js';
import type { Session } from './session.js';
import { table } from './table.js';
import type { TopReport } from './top-report.js';

/** A tick in a pipe: a line for each thing, the time before it; headings at the first tick only. */
export function topLines(session: Session, report: TopReport, isFirst: boolean): string {
  return rows({ ...session, headers: session.headers && isFirst }, report, [
    { title: 'TIME', of: () => clockText(report.time) },
  ]);
}

/** A tick on a terminal: the sum, then as many things as have room. */
export function topScreen(session: Session, report: TopReport, lines: number): string {
  const { items, by, seconds } = report;
  const shown = items.slice(0, Math.max(1, lines - 4));
  const more = items.length - shown.length;
  const sum = (of: (row: RateRow) => number): number =>
    items.reduce((total, row) => total + of(row), 0);
  return [
    `${session.paint.bold(`by ${by}`)}   ${seconds.toFixed(1)} s   ` +
      `tx ${bytesText(sum(({ tx }) => tx.bytes))}   rx ${bytesText(sum(({ rx }) => rx.bytes))}`,
    rows(session, { ...report, items: shown }, []),
    ...(more > 0 ? [session.paint.dim(`and ${more} more`)] : []),
  ].join('\n');
}

/** The table of a report, as `encap status --watch` has it too. */
export function ratesTable(session: Session, report: TopReport): string {
  return rows(session, report, []);
}

function rows(
  session: Session,
  { by, items }: TopReport,
  before: readonly { readonly title: string; readonly of: () => string }[],
): string {
  const [out, into] = by === 'verdict' ? ['EGRESS', 'INGRESS'] : ['TX', 'RX'];
  return table<RateRow>(
    session,
    [
      ...before,
      { title: by.toUpperCase(), of: ({ name }) => name },
      { title: `${out} pkt/s`, of: ({ tx }) => shortText(tx.packets) },
      { title: out, of: ({ tx }) => bytesText(tx.bytes) },
      { title: `${into} pkt/s`, of: ({ rx }) => shortText(rx.packets) },
      { title: into, of: ({ rx }) => bytesText(rx.bytes) },
    ],
    items,
  );
}

/** `9.1 MB/s`: SI prefixes. */
export function bytesText(perSecond: number): string {
  const { value, prefix } = scaled(perSecond);
  return `${value} ${prefix === 'k' ? 'k' : prefix.toUpperCase()}B/s`;
}

/** `1.2k`. */
export function shortText(number: number): string {
  const { value, prefix } = scaled(number);
  return `${value}${prefix}`;
}

/** Three digits at most, and one behind the point where there is one before it. */
function scaled(number: number): { readonly value: string; readonly prefix: string } {
  const prefixes = ['', 'k', 'M', 'G', 'T'];
  let [size, place] = [number, 0];
  while (size >= 999.5 && place < prefixes.length - 1) {
    size /= 1000;
    place += 1;
  }
  const isShort = size >= 9.95 || Number.isInteger(size);
  return { value: size.toFixed(isShort ? 0 : 1), prefix: prefixes[place] ?? '' };
}

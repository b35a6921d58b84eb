import Table from 'cli-table3';
import { stripVTControlCharacters } from 'node:util';
import type { Session } from './session.js';

/** A column of a table: its heading and what it says of a row. */
export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string | number | undefined;
  /** Shown with `-o wide` only. */
  readonly wide?: boolean;
}

const gap = 3;

/** A narrower cell says nothing. */
const narrowest = 6;

/** A table as calicoctl prints it: upper-case headings, three spaces, no borders; cut on a terminal only. */
export function table<Row>(
  session: Session,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): string {
  const shown = columns.filter((column) => column.wide !== true || session.format === 'wide');
  const lines = rows.map((row) => shown.map((column) => String(column.of(row) ?? '-')));
  if (session.headers) lines.unshift(shown.map((column) => column.title));
  if (lines.length === 0) return '';
  const drawn = new Table({
    chars: noBorders,
    style: { 'padding-left': 0, 'padding-right': gap, head: [], border: [] },
    colWidths: widthsFor(lines, session.columns),
  });
  drawn.push(...lines);
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Widths with the gap; where the terminal is too narrow the widest columns give way first. */
function widthsFor(lines: readonly (readonly string[])[], columns: number | undefined): number[] {
  const widths = (lines[0] ?? []).map((_, index) =>
    Math.max(...lines.map((line) => stripVTControlCharacters(line[index] ?? '').length)),
  );
  const available = (columns ?? Infinity) - gap * (widths.length - 1);
  while (sum(widths) > available) {
    const widest = Math.max(...widths);
    if (widest <= narrowest) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths.map((width) => width + gap);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

const noBorders = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid', 'middle']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .concat('left-mid', 'right-mid')
    .map((side) => [side, '']),
);

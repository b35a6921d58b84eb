import type { LineCounter } from 'yaml';
import type { Problem, Severity, Spot } from '../../model/problem.js';

/** A file's text, which can say where an offset lies in it. */
export interface Text {
  readonly file: string;
  readonly content: string;
  /** The line, the column and the text from `start` to `end` (of one line: the first). */
  readonly spot: (start: number, end?: number) => Spot;
}

/** The text of a file; a byte order mark counts as nothing. */
export function textOf(file: string, content: string, lines: LineCounter): Text {
  const spot = (start: number, end = start): Spot => {
    const { line, col } = startOf(lines, start);
    const from = lines.lineStarts[line - 1] ?? 0;
    const to = content.indexOf('\n', from);
    const text = content.slice(from, to < 0 ? undefined : to).replace(/\r$/, '');
    const length = Math.max(1, Math.min(end - start, text.length - col + 1));
    return { file, line, column: col, excerpt: { text: shortened(text, col), length } };
  };
  return { file, content, spot };
}

/** A problem with the text itself. */
export function textProblem(
  text: Text,
  message: string,
  start = 0,
  severity: Severity = 'error',
): Problem {
  return { severity, path: '', message, ...text.spot(start, start + 1) };
}

function startOf(lines: LineCounter, offset: number): { line: number; col: number } {
  const { line, col } = lines.linePos(offset);
  // Nothing was counted yet: the text was refused before it was parsed.
  return line < 1 ? { line: 1, col: offset + 1 } : { line, col };
}

/** Long lines are JSON or worse: no excerpt. Control characters would play with the reader's terminal. */
function shortened(text: string, column: number): string {
  return text.length > 400 || column > 400 ? '' : text.replace(/[^\P{Cc}\t]/gu, '·');
}

/** What a verifier log says of the failure: the source lines before it, the instruction, the verdict. */
export interface Rejection {
  readonly source: readonly string[];
  readonly instruction: string | undefined;
  readonly reason: readonly string[];
}

const instruction = /^\s*\d+: \([0-9a-f]{2}\)/;
const sourceLine = /^\s*; (.*\S)/;
const state =
  /^\s*(\d+:|from \d+ to|R\d+(_\w+)?=|processed |func#|Live regs|max_states|mark_precise|regs=|\.\.\.|-- )/;

const shownLines = 4;

/** Reads the log by what its lines are, not by their position: kernels put more or less behind the verdict. */
export function readRejection(log: string): Rejection {
  const lines = log.split('\n');
  const at = lines.findLastIndex((line) => instruction.test(line));
  const source = lines
    .slice(0, at + 1)
    .map((line) => sourceLine.exec(line)?.[1])
    .filter((line) => line !== undefined)
    .slice(-shownLines);
  const reason = lines
    .slice(at + 1)
    .filter((line) => line.trim() !== '' && !sourceLine.test(line) && !state.test(line))
    .map((line) => line.trim());
  return { source, instruction: lines[at]?.trim(), reason };
}

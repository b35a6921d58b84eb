import type { KernelFailure } from './error.js';

/** A failure with what libbpf's messages add to it: the program that failed, its log, and why. */
export function readMessages(
  failure: KernelFailure,
): KernelFailure & { readonly verifierLog: string | undefined } {
  const { messages } = failure;
  if (messages === undefined) return { ...failure, verifierLog: undefined };
  const program = /^libbpf: prog '([^']+)': BPF program load failed/m.exec(messages)?.[1];
  const verifierLog = logOf(messages);
  const cause = verifierLog === undefined ? reason(messages) : verdict(verifierLog);
  return {
    ...failure,
    object: program ?? failure.object,
    cause: cause ?? failure.cause,
    verifierLog,
  };
}

function logOf(messages: string): string | undefined {
  const begin = /-- BEGIN PROG LOAD LOG --\n/.exec(messages);
  if (begin === null) return undefined;
  const start = begin.index + begin[0].length;
  const end = messages.indexOf('-- END PROG LOAD LOG --', start);
  return messages.slice(start, end < 0 ? undefined : end);
}

/** Lines that every log has: instructions, register states, source, statistics (7.3 adds a summary of its own). */
const routine =
  /^(\d+: |; |from \d+|processed \d|verification time|stack depth|mark_precise|last_idx|regs=|parent |arg#|func#|Func#|Validating|R\d+(_\w+)?=|\s|$)|^(At|Suggestion)\b/;

/** The verifier's own sentence, with how much more there is to read. */
function verdict(log: string): string | undefined {
  const lines = log.trimEnd().split('\n');
  const summary = lines
    .map((line) => /^Reason:\s*(.+)$/.exec(line)?.[1])
    .find((line) => line !== undefined);
  const last = lines.findLastIndex((line) => !routine.test(line));
  let first = last;
  while (first > 0 && !routine.test(lines[first - 1] ?? '')) first--; // it may take two lines: what, then why
  const said = summary ?? lines[first];
  if (said === undefined) return undefined;
  return lines.length > 1 ? `${said} (${lines.length - 1} more lines in verifierLog)` : said;
}

/** libbpf's first complaint; later ones repeat it from further out. */
function reason(messages: string): string | undefined {
  const kernel = /^libbpf: Kernel error message: (.+)$/m.exec(messages)?.[1];
  return kernel ?? /^libbpf: (.+)$/m.exec(messages)?.[1];
}

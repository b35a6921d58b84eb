import type { Explanation } from '../decide/explain.js';
import type { KernelAnswer } from './kernel-answer.js';
import { answeredText, unaskedText } from './kernel-text.js';
import type { Session } from './session.js';
import { verdictMeanings } from './verdict-meaning.js';

/** An answer as it is printed. */
export type Item = Omit<Explanation, 'destination'> & {
  /** As it was asked for, so that a script finds its answer again. */
  readonly destination: string;
  /** Absent where it was not to be asked. */
  readonly kernel?: KernelAnswer;
};

/** Why the kernel was not asked is said once, for all of them. */
export async function answersText(
  session: Session,
  items: readonly Item[],
  from: string,
): Promise<string> {
  const meanings = items.some(({ kernel }) => kernel?.asked === true)
    ? await verdictMeanings()
    : new Map<string, string>();
  const texts = items.map((item) => {
    const text = explanationText(session, item, from);
    const { action, kernel } = item;
    return kernel?.asked === true
      ? `${text}\n${answeredText(session.paint, { action, kernel }, meanings)}`
      : text;
  });
  const reasons = items.flatMap(({ kernel }) =>
    kernel === undefined || kernel.asked ? [] : [unaskedText(session.paint, kernel.why)],
  );
  return [texts.join('\n\n'), ...new Set(reasons)].join('\n');
}

/** The answer in one line, then how it came about. */
function explanationText(
  { paint }: Pick<Session, 'paint'>,
  { destination, steps, warnings = [], ...verdict }: Item,
  from: string,
): string {
  const width = Math.max(...steps.map(({ title }) => title.length));
  return [
    `${paint.bold(`${from} -> ${destination}`)}   ${answer({ paint }, verdict)}`,
    ...steps.map(
      ({ title, text }, index) => ` ${index + 1} ${paint.dim(title.padEnd(width))}   ${text}`,
    ),
    ...warnings.map((message) => ` ${paint.yellow('!')} ${message}`),
  ].join('\n');
}

function answer(
  { paint }: Pick<Session, 'paint'>,
  { action, via, peer, reason }: Omit<Item, 'destination' | 'steps'>,
): string {
  const to = `to ${peer ?? 'nobody'} at ${via ?? 'no address'} (${reason})`;
  switch (action) {
    case 'vxlan':
    case 'ipip':
    case 'ip6ip':
      return `${paint.green(action.toUpperCase())} ${to}`;
    case 'direct':
      return `${paint.cyan('DIRECT')} ${to}`;
    case 'local':
      return `${paint.cyan('LOCAL')} on ${peer ?? 'this node'} (${reason})`;
    case 'none':
      return `${paint.yellow('NONE')} (${reason})`;
  }
}

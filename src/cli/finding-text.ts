import { fixText, type Finding } from '../doctor/finding.js';
import type { Session } from './session.js';

/** A finding: what was seen, why it matters, what to do. */
export function findingText({ paint }: Pick<Session, 'paint'>, finding: Finding): string {
  const { id, severity, seen, why, cure, fix } = finding;
  const colour = { fail: paint.red, warn: paint.yellow, note: paint.cyan }[severity];
  const word = severity === 'fail' ? 'FAIL' : severity;
  return [
    `${colour(word.padEnd(4))}  ${paint.bold(id)}: ${seen}`,
    `      ${paint.dim('why:')} ${why}`,
    `      ${paint.dim('do:')}  ${cure}`,
    ...(fix === undefined
      ? []
      : [`      ${paint.dim('or:')}  encap doctor --fix (${fixText(fix)})`]),
  ].join('\n');
}

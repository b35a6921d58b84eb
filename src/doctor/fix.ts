import { writeFileSync } from 'node:fs';
import { EncapError } from '../errors.js';
import { fixText, type Finding, type Fix } from './finding.js';

/** Puts right what is safe to; `say` hears of each thing before it is done. */
export async function fixAll(
  findings: readonly Finding[],
  say: (command: string, finding: Finding) => void,
): Promise<readonly string[]> {
  const done: string[] = [];
  for (const one of findings) {
    if (one.fix === undefined || done.includes(fixText(one.fix))) continue;
    say(fixText(one.fix), one);
    await apply(one.fix);
    done.push(fixText(one.fix));
  }
  return done;
}

async function apply(fix: Fix): Promise<void> {
  if ('sysctl' in fix) {
    writeFileSync(`/proc/sys/${fix.sysctl}`, fix.value);
    return;
  }
  const { execa } = await import('execa');
  const [file, ...words] = fix.command;
  const ended = await execa(file, words, { reject: false });
  if (!ended.failed) return;
  throw new EncapError(`cannot run ${fixText(fix)}: ${ended.stderr.trim() || ended.shortMessage}`, {
    code: 'KERNEL_REFUSED',
    hint: 'run it by hand and see; what was fixed before it stays',
  });
}

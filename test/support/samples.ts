import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './object.js';

/** A command that a page of docs/ shows, as it is typed, and what it prints there. */
export interface Sample {
  readonly command: string;
  readonly output: readonly string[];
}

/** Of all ```console blocks of a page. A prompt is # or $; what is said of a command behind it is the shell's comment. */
export function samplesIn(page: string): readonly Sample[] {
  const text = readFileSync(join(root, 'docs', page), 'utf8');
  return [...text.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
    block.split(/^[#$] /m).flatMap((shown) => {
      const [command = '', ...output] = shown.trimEnd().split('\n');
      return command === '' ? [] : [{ command, output }];
    }),
  );
}

/** The one that begins so. */
export function sampleOf(samples: readonly Sample[], beginning: string): Sample {
  const found = samples.find(({ command }) => command.startsWith(beginning));
  if (found === undefined) throw new Error(`no sample begins with ${beginning}`);
  return found;
}

/** What was said, shown as a page has it: equal lines, but that `…` stands for any number of them. */
export function elided(said: readonly string[], shown: readonly string[]): readonly string[] {
  const [head, ...rest] = shown;
  if (head?.trim() === '…') {
    const next = rest[0];
    const from = next === undefined ? said.length : said.indexOf(next);
    return from < 0 ? said : [head, ...elided(said.slice(from), rest)];
  }
  const [first, ...others] = said;
  return first === undefined ? [] : [first, ...elided(others, rest)];
}

import { readFile } from 'node:fs/promises';

/** What docs/datapath.md says that each verdict means, by the word that counters have for it. */
export async function verdictMeanings(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(new URL('../../../docs/datapath.md', import.meta.url), 'utf8');
  const [, verdicts = ''] = text.split('\n## Verdicts\n');
  return new Map(
    [...verdicts.matchAll(/^\| (\w+) +\| (.+?) +\|/gm)].map(([, word = '', meaning = '']) => [
      word,
      meaning,
    ]),
  );
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { commandLine } from '../../../src/cli/program.js';
import { breaks } from '../../../src/lab/breaks/index.js';
import { presetNames } from '../../../src/lab/presets.js';
import { topologyFile } from '../../../src/lab/topology/file.js';
import { complaintsAbout } from '../../../src/lab/topology/rules.js';
import { parse } from 'yaml';
import { root } from '../../support/object.js';

const page = readFileSync(join(root, 'docs/lab.md'), 'utf8');

test('docs/lab.md has a line for each fault, in their order, with its title', (t) => {
  const [, faults = ''] = page.split('### Faults to learn from');
  const rows = [...faults.matchAll(/^\| `([\w-]+)` +\| (.+?) +\|/gm)];
  t.deepEqual(
    rows.map(([, name]) => name),
    breaks.map(({ name }) => name),
  );
});

test('docs/lab.md has a line for each preset and each verb', async (t) => {
  for (const name of presetNames) t.regex(page, new RegExp(`^\\| \`${name}\` +\\|`, 'm'));
  const lab = (await commandLine(['lab'])).commands.find((one) => one.name() === 'lab');
  t.true((lab?.commands.length ?? 0) > 8);
  for (const verb of lab?.commands ?? [])
    t.regex(page, new RegExp(`^\\| .*\`(encap lab )?${verb.name()}\\b`, 'm'), verb.name());
});

test('the topology that docs/lab.md shows has no faults but those that it is there to show', (t) => {
  const [, yaml = ''] = /```yaml\n(.+?)```/s.exec(page) ?? [];
  t.deepEqual(complaintsAbout(topologyFile.parse(parse(yaml))), []);
});

test('every fault has a name of its own, something to see, and is said in a line', (t) => {
  t.is(new Set(breaks.map(({ name }) => name)).size, breaks.length);
  for (const { title } of breaks) t.true(title.length > 20 && title.length < 100, title);
  t.true(breaks.length >= 10);
});

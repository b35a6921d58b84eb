import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { commandLine, verbs } from '../../src/cli/program.js';
import { catalogue, exitCodes } from '../../src/errors.js';
import { worldOf } from '../unit/model/written.js';
import { encap, root } from './encap.js';

const tree = await commandLine(verbs.map(({ name }) => name));
const paths = [
  [],
  ...tree.commands.flatMap((verb) => [
    [verb.name()],
    ...verb.commands.map((one) => [verb.name(), one.name()]),
  ]),
];

for (const path of paths) {
  test(`${['encap', ...path].join(' ')} --help has a summary, options and an example that begins with encap`, async (t) => {
    const { stdout, stderr, code } = await encap([...path, '--help']);
    t.is(code, 0);
    t.is(stderr, '');
    t.regex(stdout, /^Usage: encap/);
    t.regex(stdout, /--help/);
    const examples =
      stdout
        .split('Examples:\n')[1]
        ?.split('\n')
        .filter((line) => line.startsWith('  ')) ?? [];
    t.true(examples.length > 0);
    for (const line of examples)
      t.regex(line, new RegExp(`^ {2}.*\\bencap( |$).*${path.slice(1).join(' ')}`));
  });
}

test('encap --help names every command', async (t) => {
  const { stdout } = await encap(['--help']);
  for (const { name, summary } of verbs) {
    t.regex(stdout, new RegExp(`^ {2}${name} `, 'm'));
    t.true(stdout.replace(/\s+/g, ' ').includes(summary));
  }
});

test('encap help COMMAND is encap COMMAND --help', async (t) => {
  const [verb, option] = await Promise.all([
    encap(['help', 'lab', 'up']),
    encap(['lab', 'up', '--help']),
  ]);
  t.is(verb.stdout, option.stdout);
  t.is(verb.code, 0);
});

test('encap help exit-codes explains every exit code that there is', async (t) => {
  const { stdout } = await encap(['help', 'exit-codes']);
  for (const code of [...Object.values(exitCodes), 130, 143])
    t.regex(stdout, new RegExp(`^ *${code} {2}\\w`, 'm'));
});

test('encap help CODE explains every error code that there is', async (t) => {
  for (const code of Object.keys(catalogue)) {
    const { stdout, code: exit } = await encap(['help', code]);
    t.is(exit, 0);
    t.true(stdout.startsWith(`${code}\n`));
  }
});

test('the configuration of encap help config is one that encap takes, without a warning', async (t) => {
  const { parse } = await import('yaml');
  const { stdout } = await encap(['help', 'config']);
  const world = worldOf([parse(stdout)]);
  t.deepEqual([...world.refused, ...world.warnings], []);
  t.is(world.config?.node, 'node-a');
  t.is(world.config?.interface, 'eth0');
});

test('every encap help that a message sends one to is there', async (t) => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(root, 'src', name), 'utf8'));
  const words = new Set(
    sources.flatMap((text) => [...text.matchAll(/encap help ([\w-]+)/g)].map(([, word]) => word)),
  );
  t.true(words.size >= 3);
  for (const word of words) t.is((await encap(['help', word ?? ''])).code, 0, word);
});

test('encap help of something unknown is wrong usage and offers the nearest word', async (t) => {
  const { stderr, code } = await encap(['help', 'exitcodes']);
  t.is(code, 2);
  t.regex(stderr, /did you mean exit-codes\?/);
});

import { spawnSync } from 'node:child_process';
import test from 'ava';
import { encap } from './encap.js';
import { fileWith } from './files.js';

/** What a shell offers when Tab is pressed behind these words. */
type Offers = (script: string, words: readonly string[]) => readonly string[];

const bash: Offers = (script, words) =>
  linesOf('bash', [
    '-c',
    `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _encap; printf '%s\\n' "\${COMPREPLY[@]}"`,
    'bash',
    script,
    ...words,
  ]);

/** compdef and _describe belong to zsh's completion system, which wants a terminal. */
const zsh: Offers = (script, words) =>
  linesOf('zsh', [
    '-f',
    '-c',
    `compdef() { }; _files() { }; _describe() { print -rl -- \${\${(P)2}%%:*} }
source "$1"; shift; words=("$@"); CURRENT=$#; _encap`,
    'zsh',
    script,
    ...words,
  ]);

const fish: Offers = (script, words) =>
  linesOf('fish', [
    '--no-config',
    '-c',
    'source $argv[1]; complete -C $argv[2]',
    script,
    words.join(' '),
  ]).map((line) => line.split('\t')[0] ?? '');

for (const [shell, offers] of Object.entries({ bash, zsh, fish })) {
  test(`${shell} offers commands, what is below them, options and their values`, async (t) => {
    if (spawnSync(shell, ['--version']).error !== undefined) {
      t.log(`skipped: no ${shell}`);
      t.pass();
      return;
    }
    const { stdout, stderr, code } = await encap(['completion', shell]);
    t.deepEqual([stderr, code], ['', 0]);
    const script = fileWith(t, stdout, 'encap-completion');
    const offered = (...words: readonly string[]): readonly string[] =>
      offers(script, ['encap', ...words]);
    const has = (words: readonly string[], wanted: readonly string[]): void => {
      const found = offered(...words);
      for (const word of wanted) t.true(found.includes(word), `${words.join(' ')}: ${word}`);
    };
    has([''], ['status', 'explain', 'lab', 'completion']);
    has(['map', ''], ['list', 'dump', 'lookup', 'stats']);
    has(['-o', 'json', 'map', ''], ['list', 'dump']);
    has(['lab', 'up', '--'], ['--name', '--output', '--help']);
    has(['completion', ''], ['bash', 'zsh', 'fish']);
    has(['graph', '--as', ''], ['svg', 'dot', 'mermaid']);
    has(['get', '-o', ''], ['json', 'name', 'wide']);
    t.false(offered('map', '').includes('status'));
    t.false(offered('explain', '--').includes('--replace-kernel-tunnels'));
  });
}

test('another shell is wrong usage, and says which there are', async (t) => {
  const { stderr, code } = await encap(['completion', 'tcsh']);
  t.is(code, 2);
  t.regex(stderr, /bash.*zsh.*fish/);
});

function linesOf(command: string, args: readonly string[]): readonly string[] {
  const { stdout, stderr, status } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 20_000,
  });
  if (status !== 0 || stderr !== '') throw new Error(`${command} ended with ${status}: ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '');
}

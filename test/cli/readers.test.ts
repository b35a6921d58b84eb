import { spawnSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import { type Ended, main, root } from './encap.js';

// Who reads what a command prints may be slow, gone, or a disk that is full.

const many = Array.from({ length: 250 }, (_, host) => `10.244.3.${host}`);
const long = ['explain', ...many, '-f', 'examples/crosssubnet', '--node', 'node-a', '-o', 'json'];

/** The command in a shell, which says where its output goes. */
function shell(script: string, words: readonly string[]): Ended {
  const { stdout, stderr, status } = spawnSync(
    'bash',
    ['-o', 'pipefail', '-c', script, process.execPath, main, ...words, '--no-kernel'],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20, timeout: 60_000 },
  );
  return { stdout, stderr, code: status ?? -1 };
}

test('a slow reader gets all of an answer that no pipe holds', (t) => {
  const { stdout, stderr, code } = shell('"$0" "$@" | (sleep 2; cat)', long);
  t.is(code, 0, stderr);
  t.true(stdout.length > 2 * 65_536);
  t.is((JSON.parse(stdout) as { items: unknown[] }).items.length, many.length);
});

test('a reader that has what it wanted ends the command, without a word', (t) => {
  const { stdout, stderr, code } = shell('"$0" "$@" | head -1', long);
  t.deepEqual({ stdout, stderr, code }, { stdout: '{\n', stderr: '', code: 0 });
});

test('a full disk is a failure that is told', (t) => {
  refused(t, shell('"$0" "$@" > /dev/full', long));
  refused(t, shell('"$0" "$@" > /dev/full', long.slice(0, -2)));
});

function refused(t: ExecutionContext, { stderr, code }: Ended): void {
  t.regex(
    stderr,
    /^encap: cannot print all of it: ENOSPC: no space left on device, write\ndo: {2}give it another file, or make room\n$/m,
  );
  t.is(code, 1);
}

test('where nobody takes what goes to standard error, the answer is as it was', (t) => {
  const words = long.slice(0, -2);
  const { stdout, code } = shell('"$0" "$@" 2> /dev/full', words);
  t.is(code, 0);
  t.is(stdout, shell('"$0" "$@"', words).stdout);
});

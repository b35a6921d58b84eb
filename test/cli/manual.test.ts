import { spawnSync } from 'node:child_process';
import test from 'ava';
import { verbs } from '../../src/cli/program.js';
import { encap } from './encap.js';
import { fileWith } from './files.js';

test('encap help man is a manual that mandoc finds nothing to say about but that it has no date', async (t) => {
  if (spawnSync('mandoc', ['-T', 'lint', '/dev/null']).error !== undefined) {
    t.log('skipped: no mandoc');
    t.pass();
    return;
  }
  const { stdout, stderr, code } = await encap(['help', 'man']);
  t.deepEqual([stderr, code], ['', 0]);
  const page = fileWith(t, stdout, 'encap.1');
  const lint = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', page], { encoding: 'utf8' });
  // A date would make another package of the same sources.
  const found = lint.stdout.split('\n').filter((line) => line !== '' && !/missing date/.test(line));
  t.deepEqual(found, []);
  const { stdout: text } = spawnSync('mandoc', ['-T', 'ascii', page], { encoding: 'utf8' });
  const struckOver = new RegExp(`.${String.fromCharCode(8)}`, 'g');
  const plain = text.replaceAll(struckOver, '');
  for (const { name } of verbs) t.regex(plain, new RegExp(`^ +encap ${name}( |$)`, 'm'));
  for (const words of [
    '--replace-kernel-tunnels',
    'sudo encap lab up crosssubnet',
    '/etc/encap/node.yaml',
  ])
    t.true(plain.includes(words), words);
});

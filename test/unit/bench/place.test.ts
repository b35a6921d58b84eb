import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { execa } from 'execa';
import { here, inNamespace, leashed, runAt, type Ended } from '../../../src/bench/place.js';
import { connect, quoted } from '../../../src/bench/ssh.js';
import { EncapError } from '../../../src/errors.js';

const words = ['iperf3', '-c', '192.0.2.2'];
const ended: Ended = { failed: true, exitCode: 255, stdout: '', stderr: '' };

test('a command is the same words everywhere; the place puts them where they run', async (t) => {
  t.deepEqual(here.command(words), words);
  t.deepEqual(inNamespace('lab-x').command(words), [
    ...['nsenter', '--net=/run/netns/lab-x', '--'],
    ...words,
  ]);
  await using connections = connect(['root@a', 'b'], '/etc/some-config');
  const [a, b] = connections.places;
  const [file, ...rest] = a.command(words);
  t.is(file, 'ssh');
  t.deepEqual(rest.slice(0, 2), ['-F', '/etc/some-config']);
  t.true(rest.includes('BatchMode=yes'));
  t.deepEqual(rest.slice(-3, -1), ['--', 'root@a'], 'no target is taken for an option');
  t.regex(rest.at(-1) ?? '', /^sh -c '.+' sh iperf3 -c 192\.0\.2\.2$/);
  const socket = (vector: readonly string[]) => vector.find((one) => one.startsWith('ControlPath'));
  t.not(socket(a.command(words)), socket(b.command(words)));
});

test('a shell on the other side sees the words as they were', (t) => {
  const odd = ['a b', "it's", '$HOME', '"', '', '*', 'a\nb', '`id`', '-x=1:2', '\\'];
  const script = `for word in ${odd.map(quoted).join(' ')}; do printf '%s|' "$word"; done`;
  t.is(execFileSync('sh', ['-c', script], { encoding: 'utf8' }), `${odd.join('|')}|`);
});

test('of ssh 255 is a machine that was not reached, and its last line says why', async (t) => {
  await using connections = connect(['a', 'b']);
  const [a] = connections.places;
  const stderr = 'Warning: something\na: Permission denied (publickey).\r\n';
  const error = a.lost({ ...ended, stderr });
  t.is(error?.code, 'SSH_FAILED');
  t.is(error?.message, 'cannot reach a by ssh: a: Permission denied (publickey).');
  t.regex(error?.hint ?? '', /ssh -o BatchMode=yes a true/);
  t.is(a.lost({ ...ended, exitCode: 1, stderr }), undefined);
  t.is(a.lost({ ...ended, exitCode: undefined, code: 'ENOENT' })?.code, 'FEATURE_MISSING');
  t.is(here.lost(ended), undefined, 'here it is the command');
});

test('a command’s own 255 is not taken for ssh’s', async (t) => {
  await using connections = connect(['a', 'b']);
  const [a] = connections.places;
  const exitCodeOf = async (code: string): Promise<number | undefined> => {
    const there = a.command(['sh', '-c', `exit ${code}`]).at(-1) ?? '';
    return (await execa('sh', ['-c', there], { reject: false })).exitCode;
  };
  t.is(await exitCodeOf('255'), 254);
  t.is(await exitCodeOf('3'), 3);
  t.is(await exitCodeOf('0'), 0);
});

test('what can’t be reached is an error, what fails there is an answer', async (t) => {
  const nowhere = { ...here, lost: () => new EncapError('nowhere', { code: 'SSH_FAILED' }) };
  t.like(await runAt(here, ['sh', '-c', 'echo so; exit 3']), { exitCode: 3, stdout: 'so' });
  await t.throwsAsync(runAt(nowhere, ['false']), { message: 'nowhere' });
  t.is((await runAt(nowhere, ['true'])).failed, false);
});

test('on a leash a command ends with its standard input, and its own end is told', async (t) => {
  const start = (...command: string[]) => {
    const [file = '', ...args] = leashed(command);
    return execa(file, args, { reject: false, timeout: 10_000 });
  };
  const quick = await start('sh', '-c', 'echo said; exit 3');
  t.like(quick, { stdout: 'said', exitCode: 3 });
  t.is((await start('there-is-none')).exitCode, 127);

  const released = start('sleep', '60');
  released.stdin.end();
  t.is((await released).signal, 'SIGTERM');

  const deaf = start('sh', '-c', 'trap "" TERM; echo deaf; while :; do sleep 0.1; done');
  for await (const _ of deaf) deaf.stdin.end();
  t.is((await deaf).signal, 'SIGKILL');

  const ended = start('sh', '-c', 'echo $$; exec sleep 60');
  let pid = NaN;
  for await (const line of ended) {
    pid = Number(line);
    ended.kill();
  }
  await ended;
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, 'a signal ends it too');
});

test('a command that is told to end at any moment of its start ends', async (t) => {
  for (let delayMs = 0; delayMs < 8; delayMs += 0.2) {
    const stop = new AbortController();
    const [file = '', ...args] = leashed(['sleep', '60']);
    const running = execa(file, args, {
      reject: false,
      timeout: 10_000,
      cancelSignal: stop.signal,
    });
    await sleep(delayMs);
    stop.abort();
    const { isForcefullyTerminated } = await running;
    t.false(isForcefullyTerminated, `${delayMs} ms after its start`);
  }
});

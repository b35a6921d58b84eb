import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { EncapError } from '../../../src/errors.js';
import { startTime } from '../../../src/lab/agent.js';
import { presets } from '../../../src/lab/presets.js';
import { carriedBy, routersOf, type Carrier } from '../../../src/lab/topology.js';
import { reader } from '../../../src/lab/vm/exec.js';
import { nodeScript, quote, routerScript, type ScriptOptions } from '../../../src/lab/vm/script.js';
import { processorSeconds, session } from '../../../src/lab/vm/session.js';
import { untilReady } from '../../../src/lab/vm/up.js';

const nonce = 'cf5a4e2c-0000-4000-8000-000000000000';

/** What a reader passes on of an answer that comes in pieces of so many bytes, and the status. */
function read(answer: string, size: number): { text: string; status: number | undefined } {
  let text = '';
  let status: number | undefined;
  const next = reader(nonce, (chunk) => {
    text += chunk.toString();
  });
  for (let at = 0; at < answer.length; at += size)
    status = next(Buffer.from(answer.slice(at, at + size)));
  return { text, status };
}

test('an answer of a guest is what stands between its begin and its end, however it is cut', (t) => {
  const answer = `what another left\nend other 1\nbegin ${nonce}\nline\n\nend of the world\n\nend ${nonce} 7\n`;
  for (let size = 1; size <= answer.length; size += 1)
    t.deepEqual(read(answer, size), { text: 'line\n\nend of the world\n', status: 7 }, `${size}`);
});

test('without an end there is no status, whatever was printed', (t) => {
  t.is(read(`begin ${nonce}\nend ${nonce} 0`, 5).status, undefined);
});

test('quoted words are the same words to a shell', (t) => {
  for (const word of ['', 'a b', `it's`, `"$HOME" \\ \n;`, '`x`', "''"])
    t.is(execFileSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' }), word);
});

const carriers: readonly Carrier[] = ['encap', 'kernel-vxlan', 'kernel-ipip', 'kernel-direct'];

test('bash understands the script of every guest', (t) => {
  for (const preset of [presets.two, presets.crosssubnet, presets['dual-stack']])
    for (const carrier of carriers) {
      const topology = carriedBy(preset, carrier);
      const options: ScriptOptions = {
        lab: 'unit',
        topology,
        resources: { path: "/it's here" },
        serve: '/serve',
      };
      const scripts = [
        ...routersOf(topology).map((router) => routerScript(options, router)),
        ...topology.nodes.map((node) => nodeScript(options, node)),
      ];
      for (const script of scripts)
        t.notThrows(() => execFileSync('bash', ['-n'], { input: script, stdio: 'pipe' }), script);
    }
});

test('a node on a kernel’s device runs no agent', (t) => {
  const topology = carriedBy(presets.two, 'kernel-vxlan');
  const [node] = topology.nodes;
  if (node === undefined) return t.fail();
  const script = nodeScript(
    { lab: 'unit', topology, resources: { text: 'kind: List' }, serve: '/serve' },
    node,
  );
  t.false(script.includes('encap run'));
  t.true(script.includes('link add name vxlan.calico'));
});

test('a guest that is not ready in time is an error with what its agent said', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'encap-guest-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  const log = join(folder, 'log');
  const [node] = presets.two.nodes;
  if (node === undefined) return t.fail();
  const script = nodeScript(
    { lab: 'unit', topology: presets.two, resources: { text: 'kind: List' }, serve: '/serve' },
    node,
  );
  // The line of the script that starts the agent, with another one in its place, and without the guest's file.
  const [line = ''] = script.split('\n').filter((one) => one.includes('encap run'));
  const stubs = "encap() { echo 'no pools' >&2; }; tee() { cat; };";
  const said = execFileSync('bash', ['-c', `${stubs} ${line} wait; sleep 0.1`], {
    encoding: 'utf8',
  });
  t.is(said, 'no pools\n');
  writeFileSync(log, said);
  const guest = { pid: process.pid, startedAt: startTime(process.pid) ?? '', log };
  const error = await t.throwsAsync(untilReady('node-a', guest, 100), { instanceOf: EncapError });
  t.is(
    error.message,
    'cannot start the guest node-a: not ready after 0.1 s, with 0 s of a processor',
  );
  t.is(error.why, 'no pools');
});

test('a guest that says nothing is an error with what its kernel said', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'encap-guest-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  const log = join(folder, 'log');
  writeFileSync(log, '');
  writeFileSync(`${log}.kernel`, 'Kernel panic\n');
  const guest = { pid: process.pid, startedAt: startTime(process.pid) ?? '', log };
  const error = await t.throwsAsync(untilReady('node-a', guest, 0), { instanceOf: EncapError });
  t.is(error.why, 'Kernel panic');
});

test('a guest whose lab is taken down while it starts says so', async (t) => {
  const log = join(tmpdir(), `encap-guest-${process.pid}-of-nobody`);
  const guest = { pid: process.pid, startedAt: startTime(process.pid) ?? '', log };
  await t.throwsAsync(untilReady('node-a', guest, 1000), {
    instanceOf: EncapError,
    message: 'cannot start the guest node-a: its lab was taken down meanwhile',
  });
});

test('what the processors did for a guest is that of its session, of those too that have ended', async (t) => {
  const busy = 'bash -c "for ((i = 0; i < 200000; i++)); do :; done"; read';
  const guest = spawn('bash', ['-c', busy], { detached: true });
  t.teardown(() => guest.kill());
  const { pid = 0 } = guest;
  while (session(pid).length < 2) await sleep(10);
  while (session(pid).length > 1) await sleep(10);
  t.true(processorSeconds(pid) >= 0.1);
  t.is(processorSeconds(2 ** 30), 0, 'nobody’s');
});

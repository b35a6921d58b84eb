import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endpoint } from '../../src/lab/endpoint.js';
import { environmentOf } from '../../src/lab/exec.js';
import { inside } from '../../src/lab/namespace.js';
import type { Lab } from '../../src/lab/state.js';
import { main } from '../cli/encap.js';
import { listening, on, sharedLab } from '../support/lab.js';
import { skips } from '../support/needs.js';
import { elided, sampleOf, samplesIn } from '../support/samples.js';
import { Watcher, type Place } from '../support/watcher.js';

const samples = samplesIn('observe.md');
const shared = sharedLab(test, 'crosssubnet', { name: 'test-page' });

/** What differs each time; `…` is the page's own. */
type Mask = (line: string) => string;

const times: Mask = (line) => line.replace(/^\d\d:\d\d:\d\d\.\d{4} /, 'TIME ');
const ports: Mask = (line) => line.replace(/(10\.244\.1\.5|192\.168\.10\.11):\d+ >/g, '$1:PORT >');
/** 0 has no prefix, and columns are as wide as their figures. */
const rates: Mask = (line) =>
  line
    .replace(/\b[\d.]+ [kMG]?B\/s/g, 'N B/s')
    .replace(/(?<= )[\d.]+[kMG]?\b/g, 'N')
    .replace(/ +/g, ' ');
const numbers: Mask = (line) => line.replace(/tag [0-9a-f]{16}/, 'TAG').replace(/\d+/g, 'N');

/** node-a of the lab, with `encap` in its PATH as `encap lab shell` has it, in a folder of its own. */
function nodeA(t: ExecutionContext, lab: Lab): Place & { readonly cwd: string } {
  const cwd = mkdtempSync(join(tmpdir(), 'encap-page-'));
  t.teardown(() => rmSync(cwd, { recursive: true }));
  const shim = `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`;
  writeFileSync(join(cwd, 'encap'), shim, { mode: 0o755 });
  const at = endpoint(lab, 'node-a');
  const PATH = `${cwd}:${process.env['PATH'] ?? ''}`;
  const env = { ...process.env, ...environmentOf(lab, at), PATH };
  return { namespace: at.namespace, env, cwd };
}

/** Types a command of the page at node-a. Errors are said where answers are, as a terminal has them; the shell outlives Ctrl-C. */
function typed(place: Place, command: string, where: 'pipe' | 'terminal'): Watcher {
  return new Watcher(place, ['sh', '-c', `exec 2>&1; trap : INT; ${command}`], where);
}

function linesOf(text: string): readonly string[] {
  return stripVTControlCharacters(text).replaceAll('\r\n', '\n').trimEnd().split('\n');
}

/** A connection from a1 to c1 that stays idle, then an echo request to an address of nobody. */
async function connectAndPing(lab: Lab): Promise<void> {
  const server = await listening(lab, 'c1', 'tcp-serve', 8080);
  const connect = `require('net').connect(8080, '10.244.3.5', () => console.log('connected'))`;
  const [file, ...args] = inside(endpoint(lab, 'a1').namespace, [process.execPath, '-e', connect]);
  const client = execa(file, args, { reject: false });
  try {
    await new Promise((done) => client.stdout.once('data', done));
    await on(lab, 'a1', 'ping', '-c1', '-W0.1', '10.244.3.70');
  } finally {
    client.kill('SIGKILL');
    server.kill();
  }
}

for (const where of ['pipe', 'terminal'] as const)
  test.serial(`docs/observe.md shows what encap trace prints, on a ${where}`, async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ping', 'script')) return;
    const lab = await shared();
    const { command, output } = sampleOf(samples, 'encap trace');
    using trace = typed(nodeA(t, lab), command, where);
    await trace.until('tracing');
    await connectAndPing(lab);
    const { code, stdout } = await trace.end('by itself');
    t.is(code, 0);
    t.is(stdout.includes('\x1b[32mencap '), where === 'terminal');
    const masked = (lines: readonly string[]) => lines.map((line) => ports(times(line)));
    t.deepEqual(masked(linesOf(stdout)), masked(output));
  });

test.serial('its captures end as it says, and have what it says is in them', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping', 'script', 'tcpdump', 'tshark')) return;
  const lab = await shared();
  const place = nodeA(t, lab);
  using piped = typed(place, sampleOf(samples, "encap capture 'tcp port").command, 'pipe');
  await piped.until('capturing');
  await connectAndPing(lab);
  const { stdout } = await piped.end('by itself');
  const frames = linesOf(stdout).filter((line) => line.includes('8080'));
  t.deepEqual(
    frames.map((line) => / TCP (\d+) .*\[(.+)\]/.exec(line)?.slice(1)),
    [74, 124, 124, 74].map((bytes, place) => [String(bytes), place < 2 ? 'SYN' : 'SYN, ACK']),
    stdout,
  );

  const drops = sampleOf(samples, 'encap capture --drops').command;
  using written = typed(place, drops, 'terminal');
  await written.until('capturing');
  await connectAndPing(lab);
  await sleep(200); // the reader is told a moment later
  t.is((await written.end('Ctrl-C')).code, 0);
  const filter = /wireshark: (.+)$/.exec(drops)?.[1] ?? '';
  const { stdout: found } = await execa('tshark', ['-r', 'drops.pcapng', '-Y', filter], {
    cwd: place.cwd,
  });
  t.is(linesOf(found).length, 1, found);
  t.regex(found, /10\.244\.1\.5 → 10\.244\.3\.70 +ICMP 98 /);
});

test.serial('its rates are a screen on a terminal, and lines in a pipe', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping', 'script')) return;
  const lab = await shared();
  const place = nodeA(t, lab);
  const { command, output } = sampleOf(samples, 'encap top');
  const [file, ...args] = inside(endpoint(lab, 'a1').namespace, ['ping', '-qi0.01', '10.244.3.5']);
  const traffic = execa(file, args, { reject: false });
  try {
    using top = typed(place, command, 'terminal');
    await top.until('node-b');
    const { code, stdout } = await top.end('Ctrl-C');
    t.is(code, 0);
    const [, first = ''] = stdout.split('\x1b[H\x1b[J');
    const screen = linesOf(first).slice(0, output.length);
    t.deepEqual(screen.map(rates), output.map(rates));

    const once = sampleOf(samples, 'encap top --by verdict').command.replace('10', '0.5');
    using lines = typed(place, once, 'pipe');
    const said = linesOf((await lines.end('by itself')).stdout);
    const [heading = '', ...rows] = said.slice(0, -1);
    t.regex(heading, /^TIME +VERDICT +EGRESS/);
    const verdicts = rows.map((row) => row.split(/ +/)[1]);
    for (const verdict of ['encapsulated', 'decapsulated']) t.true(verdicts.includes(verdict));
    t.true(rows.length < 8, 'those without a packet are left out');
    for (const row of rows) t.notRegex(row, / 0 B\/s .* 0 B\/s$/);
    t.regex(said.at(-1) ?? '', /^1 intervals, \d+ packets$/);
  } finally {
    traffic.kill('SIGINT');
  }
});

const others: readonly (readonly [beginning: string, mask: Mask])[] = [
  ['encap explain', ports],
  ['encap map lookup', (line) => line],
  ['encap bpf info', numbers],
];

for (const [beginning, mask] of others)
  test.serial(`it shows what ${beginning} prints`, async (t) => {
    if (skips(t, 'ip', 'nsenter')) return;
    const { command, output } = sampleOf(samples, beginning);
    using asked = typed(nodeA(t, await shared()), command, 'pipe');
    const { code, stdout } = await asked.end('by itself');
    t.is(code, 0, stdout);
    const shown = output.map(mask);
    t.deepEqual(elided(linesOf(stdout).map(mask), shown), shown);
  });

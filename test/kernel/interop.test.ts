import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endpoint, workloadsOf } from '../../src/lab/endpoint.js';
import { inside, namespacePath } from '../../src/lab/namespace.js';
import { untilSaid } from '../../src/lab/said.js';
import { namespaceOf, type Lab } from '../../src/lab/state.js';
import { dissectFile, type Dissection } from '../support/dissect.js';
import { listening, on, ran, sharedLab, transfer } from '../support/lab.js';
import { skips } from '../support/needs.js';

// The oracle is not us: node-b of `mixed` runs the kernel's own vxlan device, node-a and node-c run encap.
const shared = sharedLab(test, 'mixed', { name: 'test-interop' });
const ours = 'a1';
const kernels = 'b1';

const directions = [
  [ours, kernels],
  [kernels, ours],
] as const;

/** 50 bytes of outer headers in an underlay of 1500 (RFC 7348 section 4.3). */
const edge = 1450;
const icmpHeaders = 28;

test.serial(
  'F47 encap and the kernel’s vxlan device exchange packets up to the MTU, and none above it',
  async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ping')) return;
    const lab = await shared();
    for (const [from, to] of directions) {
      const size = (bytes: number): Promise<string> =>
        pingWith(lab, from, to, '-M', 'do', '-s', String(bytes - icmpHeaders));
      t.regex(await size(84), / 3 received/, `${from} > ${to}`);
      t.regex(await size(edge), / 3 received/, `${from} > ${to} at the edge`);
    }

    // A workload that believes in 1500: its node has to tell it the truth (RFC 1191).
    await ran(lab, 'node-a', 'ip', 'link', 'set', 'dev', 'calia2', 'mtu', '1500');
    await ran(lab, 'a2', 'ip', 'link', 'set', 'dev', 'eth0', 'mtu', '1500');
    const told = await pingWith(
      lab,
      'a2',
      kernels,
      '-M',
      'do',
      '-s',
      String(edge + 1 - icmpHeaders),
    );
    t.regex(told, /mtu ?= ?1450/);
    t.regex(told, / 0 received/);
    t.regex(
      await pingWith(lab, 'a2', kernels, '-M', 'dont', '-s', '3000'),
      / 3 received/,
      'without DF the node fragments before it encapsulates',
    );
  },
);

/** What a workload and its node do before a packet meets the program. */
const offloads = {
  'all on': ['tx', 'on', 'tso', 'on', 'gso', 'on'],
  'without GSO': ['tx', 'on', 'tso', 'off', 'gso', 'off'],
  'all off': ['tx', 'off', 'tso', 'off', 'gso', 'off'],
} as const;

for (const [title, settings] of Object.entries(offloads))
  test.serial(`F47 TCP arrives bit for bit in both directions, offloads ${title}`, async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ethtool')) return;
    const lab = await shared();
    for (const where of [ours, kernels])
      await ran(lab, where, 'ethtool', '-K', 'eth0', ...settings);
    for (const [from, to] of directions) {
      const { address } = endpoint(lab, to);
      const server = await listening(lab, to, 'tcp-serve', 5001);
      const sent = await transfer(lab, from, 'tcp-send', address, 5001, 4, 5_000_000).result();
      server.kill();
      t.deepEqual(sent, { streams: 4, good: 4 }, `${from} > ${to}`);
    }
  });

test.serial(
  'no packet on the wire is malformed and every checksum is right, says tshark',
  async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ethtool', 'tcpdump', 'tshark')) return;
    const lab = await shared();
    // What leaves a node now is what a wire would carry: segmented and summed, by software.
    for (const { name } of [...workloadsOf(lab), { name: 'node-a' }, { name: 'node-b' }])
      await ran(lab, name, 'ethtool', '-K', 'eth0', 'tx', 'off', 'tso', 'off', 'gso', 'off');
    const frames = await captured(t, lab, async () => {
      for (const [from, to] of directions) {
        await pingWith(lab, from, to);
        const { address } = endpoint(lab, to);
        const server = await listening(lab, to, 'tcp-serve', 5001);
        await transfer(lab, from, 'tcp-send', address, 5001, 2, 300_000).result();
        server.kill();
        const receiver = await listening(lab, to, 'udp-receive', 5002, 1000);
        await transfer(lab, from, 'udp-send', address, 5002, 100, 1).result();
        await receiver.result();
      }
    });

    const tunnelled = frames.filter(({ protocols }) => protocols.includes(':vxlan:'));
    t.true(tunnelled.length > 800, `${tunnelled.length} VXLAN frames`);
    t.deepEqual(
      frames.filter(({ malformed, wrong, unsummed }) => malformed || wrong.length > 0 || unsummed),
      [],
    );
    const headers = (protocols: string, name: string): number =>
      protocols.split(':').filter((one) => one === name).length;
    for (const name of ['ip', 'tcp'] as const)
      t.true(
        frames.every(({ protocols, right }) => right[name] === headers(protocols, name)),
        `each ${name} checksum was looked at`,
      );
    t.true(Math.max(...frames.map(({ bytes }) => bytes)) <= 1514);
    const senders = new Set(tunnelled.map(({ source }) => source));
    t.deepEqual([...senders].sort(), ['192.168.10.11', '192.168.10.12']);
    for (const { sourcePort, source } of tunnelled.filter(
      (frame) => frame.source === '192.168.10.11',
    ))
      t.true(sourcePort >= 49152, `RFC 7348 section 5: ${source} sends from ${sourcePort}`);
  },
);

async function pingWith(
  lab: Lab,
  from: string,
  to: string,
  ...options: readonly string[]
): Promise<string> {
  const { stdout, stderr } = await on(
    lab,
    from,
    ...['ping', '-n', '-c3', '-i0.1', '-W2', ...options, endpoint(lab, to).address],
  );
  return stdout + stderr;
}

/** Everything that crossed node-a's underlay link meanwhile, dissected. */
async function captured(
  t: ExecutionContext,
  lab: Lab,
  run: () => Promise<void>,
): Promise<readonly Dissection[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lab-interop-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'wire.pcap');
  const [nsenter, ...args] = inside(namespaceOf(lab.name, 'router'), [
    ...['tcpdump', '-i', 'node-a', '-Z', 'root', '-U', '-s0', '-w', file],
  ]);
  const capture = execa(nsenter, args, { reject: false });
  t.true(
    await untilSaid(capture.stderr, 'listening on'),
    namespacePath(namespaceOf(lab.name, 'router')),
  );
  await run();
  capture.kill('SIGINT');
  await capture;
  return dissectFile(file, ['-Y', 'ip']);
}

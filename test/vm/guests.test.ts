import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { presets, type PresetName } from '../../src/lab/presets.js';
import type { Carrier } from '../../src/lab/topology.js';
import { downVm } from '../../src/lab/vm/down.js';
import { execInGuest } from '../../src/lab/vm/exec.js';
import { vmFolder, vmLabNames } from '../../src/lab/vm/state.js';
import { statusVm } from '../../src/lab/vm/status.js';
import { upVm } from '../../src/lab/vm/up.js';
import { skips } from '../support/needs.js';

interface Pair {
  readonly preset: PresetName;
  /** What node-b has in the place of encapd: the oracle. */
  readonly carrier: Carrier;
  readonly device: string;
  /** Without its last octet: of workload a1, and of b1. */
  readonly blocks: readonly [string, string];
  readonly kernels: readonly [string, string];
}

const meets = test.macro({
  title: (_, { preset, kernels: [ours, theirs], device }: Pair) =>
    `${preset}: encapd on ${ours} and ${device} on ${theirs} carry one overlay between two guests`,
  async exec(t: ExecutionContext, { preset, carrier, device, blocks, kernels }: Pair) {
    if (skips(t, 'ip', 'qemu-system-x86_64', 'busybox')) return;
    t.timeout(300_000);
    const name = `test-vm-${preset}`;
    t.teardown(() => (vmLabNames().includes(name) ? downVm(name) : undefined));
    const lab = await upVm(preset, presets[preset], {
      name,
      nodes: ['node-a', 'node-b'],
      kernels: { others: kernels, of: {} },
      carriers: { 'node-b': carrier },
      memoryMiB: 768,
      patienceMs: 240_000,
    });
    t.log(lab.guests.map(({ kernel, readyMs = 0 }) => `${kernel} ${Math.round(readyMs / 1000)} s`));
    t.deepEqual(
      statusVm(name).map(({ healthy }) => healthy),
      [true],
    );
    const [a1, b1] = blocks.map((block) => `${block}.5`);
    for (const [index, node] of ['node-a', 'node-b'].entries()) {
      const release = await inGuest(t, name, node, 'uname', '-r');
      t.true(release.startsWith(`${kernels[index]}.`), release);
    }
    for (const [from, to] of [
      ['a1', b1],
      ['b1', a1],
    ])
      t.regex(
        await inGuest(t, name, from ?? '', 'ping', '-c3', '-i0.3', '-W5', '-q', to ?? ''),
        / 3 received/,
      );
    const link = await inGuest(t, name, 'node-b', 'ip', '-j', '-s', 'link', 'show', 'dev', device);
    const [counters] = JSON.parse(link) as {
      stats64: Readonly<Record<'rx' | 'tx', { packets: number; errors: number }>>;
    }[];
    t.true((counters?.stats64.rx.packets ?? 0) >= 6, 'what encapd sent came by the device');
    t.is(counters?.stats64.rx.errors, 0);
    t.is(await execInGuest('node-a', ['sh', '-c', 'exit 7'], name, () => undefined), 7);

    const pids = lab.guests.flatMap((guest) => guest.process?.pid ?? []);
    await downVm(name);
    t.deepEqual(
      [vmFolder(name), ...pids.map((pid) => `/proc/${pid}`)].filter((path) => existsSync(path)),
      [],
      'down leaves nothing behind',
    );
  },
});

test.serial(meets, {
  preset: 'two',
  carrier: 'kernel-vxlan',
  device: 'vxlan.calico',
  blocks: ['10.244.1', '10.244.2'],
  kernels: ['6.12', '5.10'],
});

test.serial(meets, {
  preset: 'ipip',
  carrier: 'kernel-ipip',
  device: 'tunl0',
  blocks: ['10.245.1', '10.245.2'],
  kernels: ['5.10', '6.1'],
});

/** What a command printed; its failure is the test's. */
async function inGuest(
  t: ExecutionContext,
  name: string,
  where: string,
  ...command: readonly string[]
): Promise<string> {
  const chunks: Buffer[] = [];
  const status = await execInGuest(where, command, name, (chunk) => chunks.push(chunk));
  const text = Buffer.concat(chunks).toString().trim();
  t.is(status, 0, text);
  return text;
}

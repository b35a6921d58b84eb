import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { inNamespace, Link, Netlink } from 'libbpf-ts';
import { attachKind } from '../../src/datapath/attach.js';
import { cutterNames, wantedCutter } from '../../src/datapath/cutter.js';
import { foldersOf } from '../../src/datapath/folders.js';
import { readStatus } from '../../src/datapath/status.js';
import { interfaces } from '../../src/datapath/tables/interfaces.js';
import { tcpReceiver, tcpSender } from '../support/endpoints.js';
import { within } from '../support/slowness.js';
import type { Network } from '../support/network/network.js';
import { inside, ip } from '../support/network/network.js';
import { networkTest, type NetworkTestBody } from '../support/network/network-test.js';

const transferMain = fileURLToPath(new URL('../support/transfer.js', import.meta.url));
const [enter, leave] = [cutterNames.in, cutterNames.out];

/** The workloads' own tunnel: 10.99.0.1 on node-a, 10.99.0.2 on node-b. */
function nest(network: Network): void {
  for (const [space, own, other] of [
    ['wa', 1, 2],
    ['wb', 2, 1],
  ] as const) {
    const [local, remote] = [`10.244.${own}.5`, `10.244.${other}.5`];
    const device = `vxlan id 7 dstport 4790 local ${local} remote ${remote}`;
    const add = `link add nest mtu 1380 type ${device}`;
    ip('-n', network.space(space), ...add.split(' '));
    ip('-n', network.space(space), 'link', 'set', 'nest', 'up');
    ip('-n', network.space(space), 'address', 'add', `10.99.0.${own}/24`, 'dev', 'nest');
  }
}

/** Random bytes over TCP inside the workloads' tunnel; whether they arrived as they were sent. */
async function arrives(network: Network, bytes: number): Promise<boolean> {
  const node = (space: 'wa' | 'wb', script: string, ...words: readonly string[]) =>
    spawn(
      'nsenter',
      [`--net=/run/netns/${network.space(space)}`, process.execPath, '-e', script, ...words],
      { timeout: 60_000 },
    );
  const server = node('wb', tcpReceiver);
  const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
  await lines.next(); // listening
  const client = node('wa', tcpSender, '10.99.0.2', String(bytes));
  const [sent, got] = await Promise.all([
    createInterface(client.stdout)[Symbol.asyncIterator]().next(),
    lines.next(),
  ]);
  return sent.done !== true && sent.value === got.value;
}

/** Starts datagrams inside the workloads' tunnel, PERMS in each millisecond; how many were sent, and arrived. */
async function datagrams(
  network: Network,
  packets: number,
  perMs: number,
): Promise<{ readonly result: () => Promise<{ sent: number; received: number }> }> {
  const node = (space: 'wa' | 'wb', ...words: readonly (string | number)[]) => {
    const argv = [process.execPath, transferMain, ...words.map(String)];
    const child = spawn('nsenter', [`--net=/run/netns/${network.space(space)}`, ...argv]);
    return createInterface(child.stdout)[Symbol.asyncIterator]();
  };
  const receiver = node('wb', 'udp-receive', 5202, packets / perMs + 3000);
  await receiver.next(); // listening
  const sender = node('wa', 'udp-send', '10.99.0.2', 5202, packets, perMs);
  const last = async (lines: AsyncIterator<string>): Promise<unknown> =>
    JSON.parse(String((await lines.next()).value));
  const both = Promise.all([last(sender), last(receiver)]);
  return {
    result: async () => {
      const [sent, got] = await both;
      return { ...(sent as { sent: number }), ...(got as { received: number }) };
    },
  };
}

/** Whether node-a's cutter is as it should be, its program on it and the programs told of it. */
function isWhole(network: Network): boolean {
  const namespace = `/run/netns/${network.space('a')}`;
  using netlink = Netlink.open({ namespace });
  const state = interfaces(netlink).entries().get(enter);
  const [out] = netlink.links().filter(({ name }) => name === leave);
  const { cutter, programs } = inNamespace(namespace, () =>
    readStatus(foldersOf(network.environment('a'))),
  );
  const program = programs.find((one) => one.program === 'cutter');
  return (
    JSON.stringify(state) === JSON.stringify(wantedCutter) &&
    out !== undefined &&
    cutter?.out === out.index &&
    program?.attachedTo === out.index
  );
}

/** Milliseconds until it is whole; `Infinity` when it never is. */
async function repaired(network: Network): Promise<number> {
  const began = performance.now();
  while (performance.now() - began < within(10_000)) {
    try {
      if (isWhole(network)) return performance.now() - began;
    } catch {
      // read in the middle of the repair
    }
    await sleep(20);
  }
  return Infinity;
}

/** What the command line says, however it ends: a drop is a fault of the node. */
function said(network: Network, ...words: readonly string[]): string {
  try {
    return network.encap('a', ...words);
  } catch (cause) {
    return (cause as { stdout: string }).stdout;
  }
}

function counted(network: Network, verdict: string): number {
  const status = JSON.parse(said(network, 'status', '-o', 'json')) as {
    readonly verdicts: readonly {
      readonly verdict: string;
      readonly egress: { readonly packets: number };
    }[];
  };
  return status.verdicts.find((one) => one.verdict === verdict)?.egress.packets ?? 0;
}

function cutterTest(title: string, body: NetworkTestBody): void {
  networkTest(title, body, 'ethtool');
}

const spoils = {
  deleted: (space: string) => ip('-n', space, 'link', 'del', enter),
  'with one end in another namespace': (space: string, other: string) =>
    ip('-n', space, 'link', 'set', leave, 'netns', other),
  'that was set down': (space: string) => ip('-n', space, 'link', 'set', leave, 'down'),
  'with a smaller MTU': (space: string) => ip('-n', space, 'link', 'set', enter, 'mtu', '1500'),
  'with segmentation on': (space: string) =>
    inside(space, 'ethtool', '-K', enter, 'tso', 'on', 'tx-udp_tnl-segmentation', 'on', 'tx', 'on'),
  'that merges again': (space: string) => inside(space, 'ethtool', '-K', leave, 'gro', 'on'),
  'by another name': rename,
} as const;

/** Older kernels rename no interface that is up, and the agent sets it up again at once. */
function rename(space: string): void {
  for (let tries = 1; ; tries += 1)
    try {
      ip('-n', space, 'link', 'set', enter, 'down');
      ip('-n', space, 'link', 'set', enter, 'name', 'other0');
      return;
    } catch (cause) {
      if (tries === 20) throw cause;
    }
}

cutterTest('a cutter without its program: repaired within a second', async (t, network) => {
  await network.agent('a');
  t.true(isWhole(network));
  if (attachKind('auto') === 'clsact')
    inside(network.space('a'), 'tc', 'filter', 'del', 'dev', leave, 'ingress');
  else detachLink(t, network);
  const ms = await repaired(network);
  t.log(`${Math.round(ms)} ms`);
  t.true(ms < within(1000));
});

function detachLink(t: ExecutionContext, network: Network): void {
  const { pins } = foldersOf(network.environment('a'));
  const [generation = ''] = readdirSync(pins);
  using link = Link.open(join(pins, generation, 'links', 'cutter'));
  link.detach();
  t.is(link.info.ifindex, 0, 'it is on no interface any more');
}

for (const [what, spoil] of Object.entries(spoils))
  cutterTest(`a cutter ${what}: repaired within a second`, async (t, network) => {
    await network.agent('a');
    await network.agent('b');
    nest(network);
    t.true(isWhole(network));
    spoil(network.space('a'), network.space('wb'));
    const ms = await repaired(network);
    t.log(`${Math.round(ms)} ms`);
    t.true(ms < within(1000));
    t.true(await arrives(network, 2_000_000));
  });

for (const attach of ['auto', 'clsact'])
  cutterTest(
    `deleted under load, it is made again, and what came meanwhile is dropped by name (${attach})`,
    async (t, network) => {
      await network.agent('a', attach);
      await network.agent('b', attach);
      nest(network);
      t.true(await arrives(network, 1_000_000));
      const before = counted(network, 'nested_tunnel');
      const load = await datagrams(network, 16_000, 2); // 8 s of it
      await sleep(1000);
      ip('-n', network.space('a'), 'link', 'del', enter);
      const ms = await repaired(network);
      const { sent, received } = await load.result();
      const dropped = counted(network, 'nested_tunnel') - before;
      t.log(
        `${Math.round(ms)} ms; of ${sent} datagrams ${received} arrived, ${dropped} dropped by name`,
      );
      t.true(ms < within(1000));
      t.true(dropped > 0);
      // What stood in the queue of the deleted interface goes with it.
      const lost = sent - received - dropped;
      t.true(lost >= 0 && lost < 20, `${lost} lost`);
      t.true(await arrives(network, 1_000_000));
    },
  );

cutterTest(
  'with the agent dead it goes on; deleted then, it is missed by name',
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    nest(network);
    await agent.kill();
    t.true(await arrives(network, 5_000_000));
    t.is(counted(network, 'nested_tunnel'), 0);

    ip('-n', network.space('a'), 'link', 'del', enter);
    const flow = arrives(network, 5_000_000);
    for (let waited = 0; counted(network, 'nested_tunnel') === 0 && waited < 100; waited += 1)
      await sleep(20);
    t.true(counted(network, 'nested_tunnel') > 0);
    t.regex(said(network, 'status'), /the cutter program is not attached/);
    t.is(network.ping(3), 3, 'all else goes on');

    await network.agent('a');
    t.true(await flow, 'what waited for it arrives');
    t.true(isWhole(network));
  },
);

cutterTest('a successor takes over the cutter that it finds', async (t, network) => {
  const index = () => ip('-n', network.space('a'), '-o', 'link', 'show', leave).split(':')[0];
  const first = await network.agent('a');
  const before = index();
  await first.kill();
  const second = await network.agent('a');
  t.is(index(), before);
  t.false(second.lines.some(({ msg }) => msg === 'tables changed'));
});

cutterTest(
  'an interface of its name that is not ours stays; there is no cutter, and it is said',
  async (t, network) => {
    const space = network.space('a');
    ip('-n', space, 'link', 'add', enter, 'type', 'bridge');
    const agent = await network.agent('a');
    await network.agent('b');
    const { why } = await agent.until(
      'no cutter: what cannot be carried in one piece is dropped by name',
    );
    t.is(why, `${enter} is there and no veth: it is not ours`);
    t.regex(said(network, 'status'), /there is no cutter \(encap\.cut0 is there and no veth/);
    t.is(network.ping(3), 3);
    nest(network);
    const flow = arrives(network, 1_000_000);
    for (let waited = 0; counted(network, 'nested_tunnel') === 0 && waited < 100; waited += 1)
      await sleep(20);
    t.true(counted(network, 'nested_tunnel') > 0);
    t.regex(ip('-n', space, '-d', 'link', 'show', enter), /bridge/);

    const listed = network.run('a', 'down-dry-run') as readonly { table: string }[];
    t.false(
      listed.some(({ table }) => table === 'interfaces'),
      'down leaves it alone',
    );

    const from = agent.lines.length;
    ip('-n', space, 'link', 'del', enter);
    await agent.until('tables changed', { from });
    t.true(await flow);
    t.notRegex(said(network, 'status'), /there is no cutter/);
  },
);

cutterTest('status, map dump, dry runs and down know it', async (t, network) => {
  const planned = network.run('a', 'dry-run') as readonly { table: string; key: string }[];
  t.true(planned.some(({ table, key }) => table === 'interfaces' && key === enter));
  t.true(planned.some(({ table, key }) => table === 'links' && key === `${leave} ingress`));
  const agent = await network.agent('a');
  t.deepEqual(network.run('a', 'dry-run'), []);
  t.regex(
    said(network, 'status'),
    /cutter encap\.cut0 > encap\.cut1: cuts what cannot be carried in one piece/,
  );
  const dump = JSON.parse(network.encap('a', 'map', 'dump', 'cutters', '-o', 'json')) as {
    readonly items: readonly { readonly in: number; readonly out: number }[];
  };
  t.is(dump.items.length, 1);
  await agent.kill();
  const down = network.run('a', 'down') as readonly { table: string; key: string }[];
  t.true(down.some(({ table, key }) => table === 'interfaces' && key === enter));
  t.notRegex(ip('-n', network.space('a'), 'link', 'show'), /encap\.cut/);
});

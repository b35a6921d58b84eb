import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { endpoint } from '../../src/lab/endpoint.js';
import type { Lab } from '../../src/lab/state.js';
import { encapJson, listening, on, ran, sharedLab, transfer } from '../support/lab.js';
import { skips } from '../support/needs.js';
import { within } from '../support/slowness.js';
import { watch } from '../support/traffic.js';

const service = '10.96.0.1';
const nodePort = 30_080;
const port = 5201;

const overlays = {
  crosssubnet: sharedLab(test, 'crosssubnet', { name: 'test-service' }),
  ipip: sharedLab(test, 'ipip', { name: 'test-service-ipip' }),
};
const lab = overlays.crosssubnet;

interface Connection {
  readonly overlay: keyof typeof overlays;
  readonly client: string;
  /** Where the Service's only endpoint is. */
  readonly target: string;
  readonly nat: 'as it is' | 'masqueraded';
}

/** What kube-proxy does for a Service whose only endpoint is a workload of another node. */
const connects = test.macro({
  title: (_, { overlay, client, target, nat }: Connection) =>
    `${overlay}: ${client} reaches a Service of node-a whose endpoint is ${target}, ${nat}`,
  exec: async (t: ExecutionContext, { overlay, client, target, nat }: Connection) => {
    if (skips(t, 'ip', 'nsenter', 'nft', 'tcpdump')) return;
    const world = await overlays[overlay]();
    const node = endpoint(world, 'node-a').address;
    await nats(world, target, nat === 'masqueraded' ? '  meta mark 0x4000 masquerade' : '');
    const server = await listening(world, target, 'tcp-serve', port);
    t.teardown(() => server.kill());
    const wire = await seen(world, 'node-a', `net ${pools[overlay]} and host ${node}`);
    const arriving = await seen(world, target, `tcp dst port ${port}`);
    const asked = client === 'node-b' ? [node, nodePort] : [service, port];
    const sending = transfer(world, client, 'tcp-send', ...asked, 10, 100_000);
    t.deepEqual(await sending.result(), { streams: 10, good: 10 });
    server.kill();
    const from = new Set((await arriving()).map((line) => /IP ([\d.]+)\.\d+ >/.exec(line)?.[1]));
    t.deepEqual(
      [...from],
      [nat === 'masqueraded' ? tunnelAddresses[overlay] : endpoint(world, client).address],
    );
    t.deepEqual(await wire(), [], 'nothing between the node itself and a workload is in clear');
  },
});

test.serial(connects, { overlay: 'crosssubnet', client: 'a1', target: 'c1', nat: 'as it is' });
for (const overlay of ['crosssubnet', 'ipip'] as const)
  // In the other subnet and in the node's own; a workload, a NodePort's client, and the node itself.
  for (const target of ['c1', 'b1'] as const)
    for (const client of ['a1', 'node-b', 'node-a'] as const)
      test.serial(connects, { overlay, client, target, nat: 'masqueraded' });

/** Has node-a translate the Service's address and its own NodePort; `rule` is for what leaves then. */
async function nats(world: Lab, target: string, rule: string): Promise<void> {
  const inwards = (address: string, toPort: number): string =>
    `  ip daddr ${address} tcp dport ${toPort} meta mark set 0x4000 dnat to ${endpoint(world, target).address}:${port}`;
  const rules = [
    'table ip services',
    'delete table ip services',
    'table ip services {',
    ' chain in { type nat hook prerouting priority dstnat;',
    inwards(service, port),
    inwards(endpoint(world, 'node-a').address, nodePort),
    ' }',
    ' chain own { type nat hook output priority -100;',
    inwards(service, port),
    ' }',
    ' chain out { type nat hook postrouting priority srcnat;',
    rule,
    ' }',
    '}',
  ];
  // By its path: npm puts another program of that name first.
  await ran(world, 'node-a', '/usr/sbin/nft', rules.join('\n'));
}

test.serial('what would be masqueraded to the node’s own address is dropped by name', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'nft')) return;
  const world = await lab();
  const node = endpoint(world, 'node-a').address;
  // As MASQUERADE does where there is no tunnel address.
  await nats(world, 'c1', `  meta mark 0x4000 snat to ${node}`);
  const server = await listening(world, 'c1', 'tcp-serve', port);
  t.teardown(() => server.kill());
  const before = await leftAs(world, 'src_spoof');
  const client = transfer(world, 'a1', 'tcp-send', service, port, 3, 1000);
  t.teardown(() => client.kill());
  const deadline = Date.now() + within(5000);
  const dropped = async (): Promise<number> => (await leftAs(world, 'src_spoof')) - before;
  while ((await dropped()) < 3 && Date.now() < deadline) await sleep(100);
  t.true((await dropped()) >= 3, 'the first packet of each connection is counted');
});

test.serial('what a node sends to others than workloads has its own address', async (t) => {
  if (skips(t, 'ip', 'nsenter')) return;
  const world = await lab();
  const sourceFor = async (...to: readonly string[]): Promise<string | undefined> =>
    / src ([\d.]+)/.exec(await ran(world, 'node-a', 'ip', 'route', 'get', ...to))?.[1];
  const node = endpoint(world, 'node-a').address;
  for (const other of ['192.168.10.12', '192.168.20.11', '192.168.10.1', '198.51.100.7'])
    t.is(await sourceFor(other), node, other);
  // Nobody's address is none of anyone's, but through the route of a pool.
  t.is(await sourceFor('169.254.47.89'), node);
  t.is(await sourceFor(endpoint(world, 'c1').address), tunnelAddresses.crosssubnet);
});

/** The first address of node-a's block, by preset. */
const tunnelAddresses = { crosssubnet: '10.244.1.0', ipip: '10.245.1.0' } as const;

const pools = { crosssubnet: '10.244.0.0/16', ipip: '10.245.0.0/16' } as const;

/** What a node's or workload's eth0 sees. */
async function seen(world: Lab, where: string, filter: string) {
  return watch(endpoint(world, where).namespace, 'eth0', filter);
}

test.serial(
  'a workload that sends under its node’s address is stopped by the kernel',
  async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ping')) return;
    const world = await lab();
    const nodeAddress = endpoint(world, 'node-a').address;
    await ran(world, 'a1', 'ip', 'address', 'add', `${nodeAddress}/32`, 'dev', 'lo');
    t.teardown(() => ran(world, 'a1', 'ip', 'address', 'del', `${nodeAddress}/32`, 'dev', 'lo'));
    const to = endpoint(world, 'c1').address;
    const before = await leftAs(world, 'encapsulated');
    await on(world, 'a1', 'ping', '-c', '3', '-i', '0.2', '-W', '1', '-I', nodeAddress, to);
    t.is(await leftAs(world, 'encapsulated'), before);
    await ran(world, 'a1', 'ping', '-c', '3', '-i', '0.2', '-W', '1', to);
    t.is(
      await leftAs(world, 'encapsulated'),
      before + 3,
      'under its own address it is let through',
    );
  },
);

/** Packets that node-a's program has met on egress, by what became of them. */
async function leftAs(world: Lab, name: string): Promise<number> {
  const { items } = (await encapJson(world, 'node-a', 'map', 'dump', 'verdicts')) as {
    readonly items: readonly { readonly verdict: string; readonly egressPackets: number }[];
  };
  return items.find(({ verdict }) => verdict === name)?.egressPackets ?? 0;
}

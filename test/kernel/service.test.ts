import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endpoint } from '../../src/lab/endpoint.js';
import { inside } from '../../src/lab/namespace.js';
import { untilSaid } from '../../src/lab/said.js';
import type { Lab } from '../../src/lab/state.js';
import { encapJson, listening, on, ran, sharedLab, transfer } from '../support/lab.js';
import { skips } from '../support/needs.js';

const service = '10.96.0.1';
const port = 5201;

const lab = sharedLab(test, 'crosssubnet', { name: 'test-service' });

/** What kube-proxy does for a Service whose only endpoint is a workload of another node. */
const connects = test.macro({
  title: (_, masquerade: boolean, target: string) =>
    `a workload reaches a Service whose endpoint is ${target} on another node${masquerade ? ', under the tunnel address of its own' : ''}`,
  exec: async (t: ExecutionContext, masquerade: boolean, target: string) => {
    if (skips(t, 'ip', 'nsenter', 'nft', 'tcpdump')) return;
    const world = await lab();
    const { address } = endpoint(world, target);
    const rules = [
      'table ip services',
      'delete table ip services',
      'table ip services {',
      ' chain in { type nat hook prerouting priority dstnat;',
      `  ip daddr ${service} meta mark set 0x4000 dnat to ${address}; }`,
      ' chain out { type nat hook postrouting priority srcnat;',
      masquerade ? '  meta mark 0x4000 masquerade; }' : ' }',
      '}',
    ];
    // By its path: npm puts another program of that name first.
    await ran(world, 'node-a', '/usr/sbin/nft', rules.join('\n'));
    const server = await listening(world, target, 'tcp-serve', port);
    t.teardown(() => server.kill());
    const wire = await seen(world, 'node-a', `net 10.244.0.0/16 and host ${underlayOf(world)}`);
    const arriving = await seen(world, target, `tcp dst port ${port}`);
    const client = transfer(world, 'a1', 'tcp-send', service, port, 10, 100_000);
    t.deepEqual(await client.result(), { streams: 10, good: 10 });
    server.kill();
    const from = new Set((await arriving()).map((line) => /IP ([\d.]+)\.\d+ >/.exec(line)?.[1]));
    t.deepEqual([...from], [masquerade ? tunnelAddress : endpoint(world, 'a1').address]);
    t.deepEqual(await wire(), [], 'nothing between the node itself and a workload is in clear');
  },
});

test.serial(connects, false, 'c1');
test.serial(connects, true, 'c1');
test.serial(connects, true, 'b1');

/** The first address of node-a's block. */
const tunnelAddress = '10.244.1.0';

function underlayOf(world: Lab): string {
  return endpoint(world, 'node-a').address;
}

/** Captures on eth0; the call that it gives back ends it and says what was seen, a line for each packet. */
async function seen(
  world: Lab,
  where: string,
  filter: string,
): Promise<() => Promise<readonly string[]>> {
  const [nsenter, ...args] = inside(endpoint(world, where).namespace, [
    ...['tcpdump', '-nn', '-l', '--immediate-mode', '-i', 'eth0', filter],
  ]);
  const capture = execa(nsenter, args, { reject: false });
  await untilSaid(capture.stderr, 'listening on');
  return async () => {
    await sleep(200); // what is on its way to the capture
    capture.kill('SIGINT');
    return (await capture).stdout.split('\n').filter(Boolean);
  };
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
    const before = await encapsulated(world);
    await on(world, 'a1', 'ping', '-c', '3', '-i', '0.2', '-W', '1', '-I', nodeAddress, to);
    t.is(await encapsulated(world), before);
    await ran(world, 'a1', 'ping', '-c', '3', '-i', '0.2', '-W', '1', to);
    t.is(await encapsulated(world), before + 3, 'under its own address it is let through');
  },
);

/** Packets that node-a's program has encapsulated so far. */
async function encapsulated(world: Lab): Promise<number> {
  const { items } = (await encapJson(world, 'node-a', 'map', 'dump', 'verdicts')) as {
    readonly items: readonly { readonly verdict: string; readonly egressPackets: number }[];
  };
  return items.find(({ verdict }) => verdict === 'encapsulated')?.egressPackets ?? 0;
}

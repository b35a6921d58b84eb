import test from 'ava';
import { endpoint } from '../../src/lab/endpoint.js';
import { runInside } from '../../src/lab/namespace.js';
import { namespaceOf, type Lab } from '../../src/lab/state.js';
import { encapJson, listening, on, ran, sharedLab, transfer } from '../support/lab.js';
import { skips } from '../support/needs.js';

// Nodes with an underlay of 1500 bytes, and a router between their subnets that forwards 1400 and no more.
const shared = sharedLab(test, 'crosssubnet', { name: 'test-path' });
const narrow = 1400;
const fits = narrow - 50;
const icmpHeaders = 28;

test.serial('F37 a workload learns within two round trips what the path takes', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping')) return;
  const lab = await narrowed();
  const lines = (await ping(lab, 'a1', 'c1', fits + 1, '-c2', '-i0.2', '-W1')).split('\n');
  t.true(
    lines.some((line) => /icmp_seq=2 .*mtu ?= ?1350/.test(line)),
    lines.join('\n'),
  );
  t.regex(await ran(lab, 'a1', 'ip', 'route', 'get', endpoint(lab, 'c1').address), /mtu 1350/);
  t.regex(await ping(lab, 'a1', 'c1', fits, '-c2', '-i0.2'), / 2 received/);
  t.like(await encapJson(lab, 'node-a', 'map', 'dump', 'path_mtus'), {
    items: [{ node: 'node-c', mtu: narrow }],
  });
});

test.serial(
  'what may not be told of is fragmented by the kernel, as with the kernel’s own devices',
  async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ping')) return;
    const lab = await narrowed();
    const { address } = endpoint(lab, 'c1');
    const large = ['-M', 'dont', '-s', '3000', '-i0.2', '-W1'];
    await on(lab, 'a1', 'ping', '-n', '-c2', ...large, address); // both ends learn, their agents follow
    const { stdout } = await on(lab, 'a1', 'ping', '-n', '-c5', ...large, address);
    t.regex(stdout, / 5 received/);
    t.regex(
      await ran(lab, 'node-a', 'ip', 'route', 'show', 'proto', '147'),
      /10\.244\.3\.0\/26 via 169\.254\.47\.89 dev eth0 .*mtu 1350/,
    );
  },
);

test.serial('so does the node itself', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping')) return;
  const lab = await narrowed();
  t.regex(await ping(lab, 'node-a', 'c2', fits + 1, '-c2', '-i0.2', '-W1'), /mtu ?= ?1350/);
  t.regex(await ping(lab, 'node-a', 'c2', fits, '-c2', '-i0.2'), / 2 received/);
});

test.serial('TCP gets through in both directions, behind a Service too', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'nft')) return;
  const lab = await narrowed();
  const service = '10.96.0.7';
  const rules = [
    'table ip path {',
    ' chain in { type nat hook prerouting priority dstnat;',
    `  ip daddr ${service} dnat to ${endpoint(lab, 'c2').address}; }`,
    '}',
  ];
  await ran(lab, 'node-a', '/usr/sbin/nft', rules.join('\n'));
  for (const [from, to, address] of [
    ['a1', 'c1', endpoint(lab, 'c1').address],
    ['c1', 'a1', endpoint(lab, 'a1').address],
    ['a2', 'c2', service],
  ] as const) {
    const server = await listening(lab, to, 'tcp-serve', 5001);
    const sent = await transfer(lab, from, 'tcp-send', address, 5001, 4, 2_000_000).result();
    server.kill();
    t.deepEqual(sent, { streams: 4, good: 4 }, `${from} > ${to}`);
  }
});

let isNarrow = false;

async function narrowed(): Promise<Lab> {
  const lab = await shared();
  if (!isNarrow) for (const bridge of ['east', 'west']) await narrowing(lab, bridge);
  isNarrow = true;
  return lab;
}

async function narrowing(lab: Lab, bridge: string): Promise<void> {
  const router = namespaceOf(lab.name, 'router');
  await runInside(router, ['ip', 'link', 'set', 'dev', bridge, 'mtu', String(narrow)]);
}

/** Echo requests with DF of so many bytes, headers included. */
async function ping(
  lab: Lab,
  from: string,
  to: string,
  bytes: number,
  ...options: readonly string[]
): Promise<string> {
  const size = ['-M', 'do', '-s', String(bytes - icmpHeaders)];
  const { stdout, stderr } = await on(
    lab,
    from,
    ...['ping', '-n', ...size, ...options, endpoint(lab, to).address],
  );
  return stdout + stderr;
}

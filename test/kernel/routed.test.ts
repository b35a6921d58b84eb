import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { Family } from '../../src/net/address.js';
import { skips } from '../support/needs.js';
import { within } from '../support/slowness.js';
import { inside, ip, Network } from '../support/network/network.js';

// A router between the two nodes that forwards 1400 bytes and no more, in an underlay of both families.

const narrow = 1400;
const ways = {
  ipv4: { to: '10.244.2.5', back: '10.244.1.5', fits: narrow - 50, headers: 28 },
  ipv6: { to: 'fd00:244:0:2::5', back: 'fd00:244:0:1::5', fits: narrow - 70, headers: 48 },
} as const;

test.serial('what a router on the way takes is learned in both families', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping', 'sysctl')) return;
  await using network = new Network({ vxlanMode: 'Always' }, 'dual-stack');
  using _router = routed(network);
  for (const side of ['a', 'b'] as const) await network.agent(side);

  for (const family of ['ipv4', 'ipv6'] as const)
    for (const from of ['wa', 'a'] as const) {
      const { fits, to } = ways[family];
      const what = `${family} from ${from}`;
      t.regex(network.pinged(from, to, '-c2', '-i0.2', '-W1'), / 2 received/, what);
      const above = echo(network, from, family, fits + 1, '-M', 'do', '-c2');
      t.regex(above, new RegExp(`mtu ?[:=] ?${fits}\\b`), `${what}: told within two round trips`);
      t.regex(echo(network, from, family, fits, '-M', 'do', '-c2'), / 2 received/, what);
    }

  // What may not be told of is cut by the kernel, once the agents follow what the programs learned.
  for (const family of ['ipv4', 'ipv6'] as const) {
    const { back, fits } = ways[family];
    echo(network, 'wa', family, 3000, '-M', 'dont', '-c2');
    network.pinged('wb', back, '-M', 'dont', '-s', '3000', '-c2', '-i0.2', '-W1');
    for (const side of ['a', 'b'] as const) {
      const space = network.space(side);
      const routes = (): string => ip('-n', space, `-${family.slice(-1)}`, 'route', 'show');
      const isThere = (): boolean => new RegExp(`(/26|/122) via .* mtu ${fits} `).test(routes());
      for (const began = Date.now(); !isThere() && Date.now() < began + within(1000);)
        await sleep(20);
      t.true(isThere(), `${family} on ${side}\n${routes()}`);
    }
    t.regex(echo(network, 'wa', family, 3000, '-M', 'dont', '-c3'), / 3 received/, family);
  }
  t.deepEqual(network.run('a', 'dry-run'), [], 'the next agent would change nothing');
  t.is(
    network.exitCode('a', 'plan', '-f', network.manifests, '--node', 'node-a', '--exit-code'),
    0,
  );
});

/** Echo requests of so many bytes in all. */
function echo(
  network: Network,
  from: 'a' | 'wa',
  family: Family,
  bytes: number,
  ...options: readonly string[]
): string {
  const { to, headers } = ways[family];
  return network.pinged(from, to, '-s', String(bytes - headers), '-i0.2', '-W1', ...options);
}

/** In place of the wire: a router, one end of it for each node. The nodes keep their addresses, not their prefixes. */
function routed(network: Network): Disposable {
  const router = `${network.name}-r`;
  ip('netns', 'add', router);
  inside(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  inside(router, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0');
  ip('-n', router, 'link', 'set', 'lo', 'up');
  ip('-n', router, 'address', 'add', 'fd00:77::fe/128', 'dev', 'lo');
  ip('-n', network.space('a'), 'link', 'del', 'eth0');
  for (const [place, side] of (['a', 'b'] as const).entries()) {
    const node = network.space(side);
    const port = `to-${side}`;
    const [own4, own6] = [`192.168.77.${place + 1}`, `fd00:77::${place + 1}`];
    ip('-n', node, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', port, 'netns', router);
    ip('-n', router, 'link', 'set', port, 'up');
    ip('-n', router, 'address', 'add', '192.168.77.254/32', 'dev', port);
    ip('-n', router, 'address', 'add', 'fe80::1/64', 'dev', port, 'nodad');
    // Of the routes, not of the ports: a veth takes in nothing that is larger than its own MTU.
    ip('-n', router, 'route', 'add', own4, 'dev', port, 'mtu', String(narrow));
    ip('-n', router, 'route', 'add', own6, 'dev', port, 'mtu', String(narrow));
    ip('-n', node, 'link', 'set', 'eth0', 'up');
    ip('-n', node, 'address', 'add', `${own4}/32`, 'dev', 'eth0');
    ip('-n', node, 'address', 'add', `${own6}/128`, 'dev', 'eth0', 'nodad');
    const gateway = ['via', '192.168.77.254', 'dev', 'eth0', 'onlink', 'src', own4];
    ip('-n', node, 'route', 'add', '192.168.77.0/24', ...gateway);
    ip('-n', node, 'route', 'add', 'fd00:77::/64', 'via', 'fe80::1', 'dev', 'eth0', 'src', own6);
  }
  return { [Symbol.dispose]: () => ip('netns', 'del', router) };
}

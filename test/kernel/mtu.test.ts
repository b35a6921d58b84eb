import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { features } from 'libbpf-ts';
import type { Family } from '../../src/net/address.js';
import { skips } from '../support/needs.js';
import { within } from '../support/slowness.js';
import type { PoolModes } from '../support/network/cluster.js';
import { ip, Network } from '../support/network/network.js';

// Two nodes whose underlay changes its MTU under the running agents, and packets around the edge.

/** What the tables of RFC 7348, RFC 2003, RFC 2473 and RFC 4213 put in front of a packet. */
const overheads: Readonly<Record<string, readonly [PoolModes, Readonly<Record<Family, number>>]>> =
  {
    'VXLAN over the own family': [{ vxlanMode: 'Always' }, { ipv4: 50, ipv6: 70 }],
    'IPIP, and IPv6 in IPv6': [
      {
        ipipMode: 'Always',
        ipv6: { ipipMode: 'Always' },
        beyondCalico: { ip6ip: true },
      },
      { ipv4: 20, ipv6: 40 },
    ],
    'VXLAN over the other family': [
      {
        vxlanMode: 'Always',
        beyondCalico: { ipv4PoolsOver: 'ipv6', ipv6PoolsOver: 'ipv4' },
      },
      { ipv4: 70, ipv6: 50 },
    ],
    'IPIP, and IPv6 in IPv4': [
      {
        ipipMode: 'Always',
        ipv6: { ipipMode: 'Always' },
        beyondCalico: { ip6ip: true, ipv6PoolsOver: 'ipv4' },
      },
      { ipv4: 20, ipv6: 20 },
    ],
  };

const underlays = [1500, 1400, 9000, 1500];
const destinations = { ipv4: '10.244.2.5', ipv6: 'fd00:244:0:2::5' } as const;
const pools = { ipv4: '10.244.0.0/16', ipv6: 'fd00:244::/48' } as const;
/** IP header and that of the echo request. */
const echoHeaders = { ipv4: 28, ipv6: 48 } as const;
const families = ['ipv4', 'ipv6'] as const;

for (const [title, [modes, overhead]] of Object.entries(overheads))
  test.serial(
    `${title}: routes follow the underlay’s MTU within a second, and nothing above it is sent`,
    async (t) => {
      if (skips(t, 'ip', 'nsenter', 'ping')) return;
      await using network = new Network(modes, 'dual-stack');
      for (const side of ['a', 'b'] as const) {
        ip('-n', network.space(side), 'link', 'set', 'cali0', 'mtu', '9000');
        ip('-n', network.space(`w${side}`), 'link', 'set', 'eth0', 'mtu', '9000');
        await network.agent(side);
      }
      for (const underlay of underlays) {
        for (const side of ['a', 'b'] as const)
          ip('-n', network.space(side), 'link', 'set', 'eth0', 'mtu', String(underlay));
        const edges = {
          ipv4: underlay - overhead.ipv4,
          ipv6: underlay - overhead.ipv6,
        };
        const ms = await followed(network, edges);
        t.log(`${underlay}: ${Math.round(ms)} ms`);
        t.true(ms < within(1000), `${underlay}: ${ms} ms`);
        network.forget();
        for (const family of families)
          for (const from of ['wa', 'a'] as const) {
            const what = `${family} from ${from}, underlay ${underlay}`;
            const edge = edges[family];
            t.regex(echo(network, from, family, edge), / 2 received/, what);
            const above = echo(network, from, family, edge + 1);
            t.regex(above, / 0 received/, what);
            t.regex(above, new RegExp(`mtu ?[:=] ?${edge}\\b`), what);
          }
      }
    },
  );

test.serial('with no agent left to follow, the programs tell senders what fits', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping')) return;
  if (!features.helper('sched_cls', 'bpf_check_mtu')) {
    t.log('skipped: this kernel has no bpf_check_mtu (Linux 5.12)');
    return t.pass();
  }
  await using network = new Network({ vxlanMode: 'Always' }, 'dual-stack');
  for (const side of ['a', 'b'] as const) await (await network.agent(side)).end('SIGKILL');
  for (const side of ['a', 'b'] as const)
    ip('-n', network.space(side), 'link', 'set', 'eth0', 'mtu', '1400');
  for (const [family, edge] of [
    ['ipv4', 1350],
    ['ipv6', 1330],
  ] as const)
    for (const from of ['wa', 'a'] as const) {
      t.regex(echo(network, from, family, edge), / 2 received/, `${family} from ${from}`);
      const above = echo(network, from, family, edge + 1);
      t.regex(above, new RegExp(`mtu ?[:=] ?${edge}\\b`), `${family} from ${from}`);
    }
});

/** Milliseconds until the pool routes of both nodes and families have these MTUs; `Infinity` when never. */
async function followed(network: Network, mtus: Readonly<Record<Family, number>>): Promise<number> {
  const began = performance.now();
  const isThere = (side: 'a' | 'b', family: Family): boolean =>
    ip('-n', network.space(side), `-${family.slice(-1)}`, 'route', 'show', pools[family]).includes(
      ` mtu ${mtus[family]} `,
    );
  while (performance.now() - began < within(5000)) {
    if ((['a', 'b'] as const).every((side) => families.every((family) => isThere(side, family))))
      return performance.now() - began;
    await sleep(20);
  }
  return Infinity;
}

/** Two echo requests that may not be fragmented, of so many bytes in all. */
function echo(network: Network, from: 'a' | 'wa', family: Family, bytes: number): string {
  const size = ['-M', 'do', '-s', String(bytes - echoHeaders[family])];
  return network.pinged(from, destinations[family], ...size, '-c2', '-i0.2', '-W1');
}

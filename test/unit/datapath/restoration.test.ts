import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { PeerEntry } from '../../../src/datapath/entry.js';
import { restorationOf, type Known } from '../../../src/datapath/restoration.js';
import { readTunnelEnds, tunnelsFile, writeTunnelEnds } from '../../../src/datapath/tunnel-ends.js';
import { EncapError } from '../../../src/errors.js';
import type { Policy } from '../../../src/model/desired.js';
import type { TunnelEnds } from '../../../src/model/tunnel-ends.js';
import type { Address } from '../../../src/net/address.js';
import { parseCidr } from '../../../src/net/cidr.js';
import type { Mac } from '../../../src/net/mac.js';

const address = (text: string): Address => text as Address;
const mac = (end: number): Mac => `66:00:00:00:00:0${end}` as Mac;

const ends: TunnelEnds = {
  own: {
    vxlan: { address: address('192.0.2.1'), tunnelAddress: address('10.244.1.0'), mac: mac(1) },
    ipip: { tunnelAddress: address('10.245.1.0') },
  },
  vni: 4096,
  port: 4789,
  vteps: { '192.0.2.2': address('10.244.2.0') },
};

function peer(underlay: string, sameSubnet: boolean, vtepMac?: Mac): PeerEntry {
  const family = 'ipv4' as const;
  return { family, underlay: address(underlay), node: 1, vtepMac, sameSubnet, zeroChecksum: false };
}

function policy(sameSubnet: Policy['sameSubnet'], otherSubnet: Policy['sameSubnet']): Policy {
  return { sameSubnet, otherSubnet, accepted: ['vxlan'], underlay: 'ipv4' };
}

const [own, far, near, policies] = [0, 2, 3, { crossSubnet: 0, ipip: 1 }];

const known: Known = {
  ends,
  peers: new Map([
    [own, peer('192.0.2.1', true)],
    [far, peer('192.0.2.2', false, mac(2))],
    [near, peer('192.0.2.3', true)],
  ]),
  policies: new Map([
    [policies.crossSubnet, policy('none', 'vxlan')],
    [policies.ipip, policy('ipip', 'ipip')],
  ]),
  blocks: [
    [parseCidr('10.244.1.0/26'), { peer: own, policy: policies.crossSubnet }],
    [parseCidr('10.244.1.77/32'), { peer: own, policy: policies.crossSubnet }],
    [parseCidr('10.244.2.0/26'), { peer: far, policy: policies.crossSubnet }],
    [parseCidr('10.244.1.9/32'), { peer: far, policy: policies.crossSubnet }],
    [parseCidr('10.244.3.0/26'), { peer: near, policy: policies.crossSubnet }],
    [parseCidr('10.245.3.0/26'), { peer: near, policy: policies.ipip }],
    [parseCidr('10.246.0.0/26'), { peer: far, policy: 0xffffffff }],
  ],
  routes: [
    { destination: '10.244.0.0/16', mtu: 1450 },
    { destination: '10.245.0.0/16', mtu: 1480 },
  ].map(({ destination, mtu }) => ({
    ...{ type: 'unicast', destination: parseCidr(destination), mtu, priority: 0 },
    ...{ gateway: undefined, index: 7, source: undefined },
  })),
};

test('kernel tunnels are made again from what the tables say: by encapsulation, direct, local', (t) => {
  const { tunnels, direct, local } = restorationOf(known);
  t.deepEqual(tunnels, [
    {
      name: 'vxlan.calico',
      vni: 4096,
      port: 4789,
      local: address('192.0.2.1'),
      mac: mac(1),
      tunnelAddress: address('10.244.1.0'),
      mtu: 1450,
      peers: [
        {
          underlay: address('192.0.2.2'),
          tunnelAddress: address('10.244.2.0'),
          mac: mac(2),
        },
      ],
      routes: [
        { destination: parseCidr('10.244.2.0/26'), gateway: address('10.244.2.0') },
        { destination: parseCidr('10.244.1.9/32'), gateway: address('10.244.2.0') },
      ],
    },
    {
      name: 'tunl0',
      tunnelAddress: address('10.245.1.0'),
      mtu: 1480,
      routes: [{ destination: parseCidr('10.245.3.0/26'), gateway: address('192.0.2.3') }],
    },
  ]);
  t.deepEqual(direct, [{ destination: parseCidr('10.244.3.0/26'), gateway: address('192.0.2.3') }]);
  t.deepEqual(local, [parseCidr('10.244.1.0/26')]);
});

const refuses = test.macro({
  title: (_, why: RegExp) => `refused before anything is touched: ${why.source}`,
  exec: (t, why: RegExp, change: Partial<Known>) => {
    const error = t.throws(() => restorationOf({ ...known, ...change }), {
      instanceOf: EncapError,
    });
    t.is(error.code, 'RESTORE_REFUSED');
    t.regex(error.why ?? '', why);
  },
});
test(refuses, /VTEP at 192\.0\.2\.2/, { ends: { ...ends, vteps: {} } });
test(refuses, /no ipv4 tunnel address for VXLAN/, { ends: { ...ends, own: {} } });
test(refuses, /no tunnel address for IP-in-IP/, {
  ends: { ...ends, own: { vxlan: ends.own.vxlan } },
});
test(refuses, /no route of ours for 10\.244\.2\.0\/26/, { routes: [] });
test(refuses, /goes by vxlan over ipv6/, {
  policies: new Map([[0, { ...policy('none', 'vxlan'), underlay: 'ipv6' } as const]]),
});

test('what an agent wrote down is read again, and nothing else', (t) => {
  const run = mkdtempSync(join(tmpdir(), 'ends-'));
  t.teardown(() => rmSync(run, { recursive: true }));
  t.is(readTunnelEnds(run), undefined);
  writeTunnelEnds(run, ends);
  t.deepEqual(readTunnelEnds(run), ends);
  writeTunnelEnds(run, undefined);
  t.is(readTunnelEnds(run), undefined);
  for (const text of ['', '{}', JSON.stringify({ ...ends, apiVersion: 'encap/v1' })]) {
    writeFileSync(tunnelsFile(run), text);
    t.throws(() => readTunnelEnds(run), {
      instanceOf: EncapError,
      message: /^cannot read .+kernel-tunnels\.json: it is not what an agent wrote$/,
    });
  }
  writeFileSync(
    tunnelsFile(run),
    JSON.stringify({ apiVersion: 'encap/v1', kind: 'TunnelEnds', ...ends, vteps: { a: 'b' } }),
  );
  t.throws(() => readTunnelEnds(run), { instanceOf: EncapError });
});

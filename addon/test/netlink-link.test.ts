import { execFileSync } from 'node:child_process';
import test from 'ava';
import { Netlink, NetlinkError } from '../lib/index.js';
import { Network } from './support/network.js';

/** What iproute2 says of an interface; undefined where there is none. */
function shown(network: Network, name: string) {
  return network.json('link show').find((row) => row['ifname'] === name);
}

/** What ethtool says: the oracle. */
function ethtool(network: Network, name: string): ReadonlyMap<string, string> {
  const text = execFileSync('nsenter', [`--net=${network.path}`, 'ethtool', '-k', name], {
    encoding: 'utf8',
    env: { ...process.env, LD_PRELOAD: '' },
  });
  return new Map(
    [...text.matchAll(/^\s*([\w-]+): (.*)$/gm)].map(([, feature = '', state = '']) => [
      feature,
      state,
    ]),
  );
}

/** The forwarding database of a device, as bridge(8) lists it. */
function bridge(network: Network, name: string): readonly string[] {
  return execFileSync('bridge', ['-n', network.name, 'fdb', 'show', 'dev', name], {
    encoding: 'utf8',
    env: { ...process.env, LD_PRELOAD: '' },
  })
    .split('\n')
    .map((line) => line.trim().replace(/ +/g, ' '));
}

function groupOf(netlink: Netlink, index: number): number | undefined {
  return netlink.links().find((link) => link.index === index)?.group;
}

function indexOf(netlink: Netlink, name: string): number {
  return netlink.links().find((link) => link.name === name)?.index ?? 0;
}

test('a veth pair is made, set up, and goes with one end', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  netlink.makeVeth({ name: 'one.end', peer: 'other.end' });
  const [one, other] = [indexOf(netlink, 'one.end'), indexOf(netlink, 'other.end')];
  t.like(
    netlink.links().find(({ index }) => index === one),
    { kind: 'veth', parent: other, up: false, arp: true },
  );
  t.is(shown(network, 'one.end')?.['link'], 'other.end');

  netlink.changeLink({ index: one, mtu: 65535, arp: false, addressGeneration: 'none' });
  netlink.changeLink({ index: one, up: true });
  t.deepEqual(
    (shown(network, 'one.end')?.['flags'] as string[]).filter((flag) => /^(UP|NOARP)$/.test(flag)),
    ['NOARP', 'UP'],
  );
  t.is(shown(network, 'one.end')?.['mtu'], 65535);
  t.is(shown(network, 'one.end')?.['inet6_addr_gen_mode'], 'none');
  t.like(
    netlink.links().find(({ index }) => index === one),
    { up: true, arp: false, mtu: 65535, addressGeneration: 'none' },
  );
  netlink.changeLink({ index: one, up: false, arp: true, addressGeneration: 'eui64' });
  t.like(
    netlink.links().find(({ index }) => index === one),
    { up: false, arp: true, addressGeneration: 'eui64' },
  );

  t.true(netlink.removeLink(other));
  t.is(shown(network, 'one.end'), undefined);
  t.false(netlink.removeLink(one));
});

test('a veth pair whose name is taken is refused, and nothing is left of it', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const error = t.throws(() => netlink.makeVeth({ name: 'new', peer: 'near' }), {
    instanceOf: NetlinkError,
  });
  t.is(error.code, 'EEXIST');
  t.regex(error.message, /^cannot make veth pair new and near: EEXIST/);
  t.is(shown(network, 'new'), undefined);
});

test('an external vxlan device lets in no VNI that it was not told', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  netlink.makeVxlan({ name: 'open', port: 4789, vniFilter: false });
  netlink.makeVxlan({ name: 'filtering', port: 4790, vniFilter: true });
  const state = (name: string) => netlink.links().find((link) => link.name === name);
  t.like(state('open'), { kind: 'vxlan', up: false });
  t.deepEqual(state('open')?.vxlan, {
    port: 4789,
    vni: 0,
    local: undefined,
    external: true,
    vniFilter: false,
  });
  t.is(state('near')?.vxlan, undefined);

  const details = shown(network, 'filtering')?.['linkinfo'] as { info_data: object } | undefined;
  t.like(details?.info_data, { external: true, port: 4790 });
  const { vniFilter } = state('filtering')?.vxlan ?? {};
  t.is(
    vniFilter,
    'vnifilter' in (details?.info_data ?? {}),
    'a kernel before 5.18 makes none, and says so',
  );
  t.throws(() => netlink.makeVxlan({ name: 'open', port: 4791, vniFilter: true }), {
    instanceOf: NetlinkError,
    message: /^cannot make vxlan open on port 4791: EEXIST/,
  });
});

test('a vxlan device that learns nothing is as asked, and sends where it is told', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  for (const [name, local] of [
    ['four', '192.0.2.1'],
    ['six', '2001:db8::1'],
  ] as const) {
    const [vni, port, mac, mtu] = [4096, 4789, '66:07:02:c1:cc:60', 1430];
    netlink.makeVtep({ name, vni, port, local, parent: network.near, mac, mtu });
    const row = shown(network, name);
    t.like(row, { address: mac, mtu, operstate: 'DOWN' });
    t.like((row?.['linkinfo'] as { info_data: object }).info_data, {
      id: vni,
      port,
      link: 'near',
      learning: false,
      [local.includes(':') ? 'local6' : 'local']: local,
    });
    const link = netlink.links().find((one) => one.name === name);
    t.like(link?.vxlan, { vni, port, local, external: false });

    const index = indexOf(netlink, name);
    for (const to of ['3', '4'].map((end) => local.replace(/1$/, end))) {
      netlink.putForwarding({ index, mac: '66:89:3a:22:7a:ac', to });
      t.is(
        bridge(network, name)
          .filter((line) => line.startsWith('66:89:3a:22:7a:ac'))
          .join(),
        `66:89:3a:22:7a:ac dst ${to} self permanent`,
      );
    }
    netlink.removeLink(index);
  }
  t.throws(() => netlink.makeIpip('near'), {
    message: /^cannot make ipip near: (EEXIST|EOPNOTSUPP)/,
  });
  t.throws(() => netlink.putForwarding({ index: 1, mac: 'x', to: '192.0.2.1' }), {
    instanceOf: TypeError,
  });
});

test('interfaces are put into a group, and out of it', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const groups = () => [shown(network, 'near')?.['group'], groupOf(netlink, network.near)];
  t.deepEqual(groups(), ['default', 0]);
  netlink.changeLink({ index: network.near, group: 4711 });
  t.deepEqual(groups(), ['4711', 4711]);
  t.is(groupOf(netlink, network.far), 0);
  netlink.changeLink({ index: network.near, group: 0 });
  t.deepEqual(groups(), ['default', 0]);
  t.throws(() => netlink.changeLink({ index: network.near, group: -1 }), {
    instanceOf: RangeError,
  });
});

test('the reverse path filter of an interface is read and set', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const shownFilter = () =>
    execFileSync(
      'nsenter',
      [`--net=${network.path}`, 'cat', '/proc/sys/net/ipv4/conf/near/rp_filter'],
      { encoding: 'utf8', env: { ...process.env, LD_PRELOAD: '' } },
    ).trim();
  const read = () => netlink.links().find(({ index }) => index === network.near)?.reversePathFilter;
  for (const filter of [2, 1, 0]) {
    netlink.changeLink({ index: network.near, reversePathFilter: filter });
    t.is(shownFilter(), String(filter));
    t.is(read(), filter);
  }
  t.throws(() => netlink.changeLink({ index: network.near, reversePathFilter: 3 }), {
    instanceOf: RangeError,
  });
});

test('features are what ethtool says they are', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const theirs = ethtool(network, 'near');
  const ours = netlink.features(network.near);
  t.true(ours.size > 40);
  for (const [name, { active, changeable }] of ours) {
    const said = theirs.get(name);
    if (said === undefined) continue; // ethtool calls some by older names: tx-generic-segmentation
    t.is(said.startsWith('on'), active, name);
    t.is(said.includes('[fixed]'), !changeable, name);
  }
  t.true(ours.get('tx-tcp-segmentation')?.active);
});

test('features are switched off and on, those that are not named stay', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const before = ethtool(network, 'near');
  const off = new Map([
    ['tx-tcp6-segmentation', false],
    ['tx-udp_tnl-segmentation', false],
  ]);
  netlink.setFeatures(network.near, off);
  const after = ethtool(network, 'near');
  t.deepEqual(
    [...after.keys()].filter((name) => after.get(name) !== before.get(name)),
    ['tx-tcp6-segmentation', 'tx-udp_tnl-segmentation'],
  );
  netlink.setFeatures(network.near, new Map([...off.keys()].map((name) => [name, true])));
  t.deepEqual(ethtool(network, 'near'), before);
  netlink.setFeatures(network.near, new Map());
  t.deepEqual(ethtool(network, 'near'), before);
});

test('a feature that is fixed or unknown, and an interface that is gone, are refused by name', (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const [fixed = ''] =
    [...netlink.features(network.near)].find(
      ([, { active, changeable }]) => !active && !changeable,
    ) ?? [];
  for (const name of [fixed, 'no-such-feature']) {
    const error = t.throws(() => netlink.setFeatures(network.near, new Map([[name, true]])), {
      instanceOf: NetlinkError,
    });
    t.is(error.code, 'EOPNOTSUPP');
    t.true(error.message.endsWith(`does not take ${name} on`), error.message);
  }
  const gone = t.throws(() => netlink.features(9999), { instanceOf: NetlinkError });
  t.is(gone.code, 'ENODEV');
});

/** What a caller without types may pass. */
function wrong(value: unknown): never {
  return value as never;
}

for (const [what, use, type] of [
  ['veth must be an object', (n) => n.makeVeth(wrong(null)), TypeError],
  ['veth.name', (n) => n.makeVeth({ name: wrong(1), peer: 'b' }), TypeError],
  ['veth.peer', (n) => n.makeVeth({ name: 'a', peer: 'x'.repeat(16) }), RangeError],
  ['name must have 1 to 15 bytes', (n) => n.makeVeth({ name: '', peer: 'b' }), RangeError],
  ['vxlan must be an object', (n) => n.makeVxlan(wrong(undefined)), TypeError],
  ['vxlan.port', (n) => n.makeVxlan({ name: 'a', port: 65536, vniFilter: true }), RangeError],
  ['vxlan.vniFilter', (n) => n.makeVxlan({ name: 'a', port: 1, vniFilter: wrong(1) }), TypeError],
  ['link.up', (n) => n.changeLink({ index: 1, up: wrong('yes') }), TypeError],
  ['link.arp', (n) => n.changeLink({ index: 1, arp: wrong(0) }), TypeError],
  [
    'link.addressGeneration',
    (n) => n.changeLink({ index: 1, addressGeneration: wrong('never') }),
    TypeError,
  ],
  ['index', (n) => n.removeLink(0), RangeError],
  ['index', (n) => n.features(wrong('lo')), TypeError],
  ['wanted must be a Map', (n) => n.setFeatures(1, wrong({})), TypeError],
  ['the name of a feature', (n) => n.setFeatures(1, new Map([['x'.repeat(32), true]])), RangeError],
  ['rx-gro', (n) => n.setFeatures(1, new Map([['rx-gro', wrong(1)]])), TypeError],
] as readonly [string, (netlink: Netlink) => unknown, ErrorConstructor][])
  test(`misuse names the field: ${use.toString()} throws ${what}`, (t) => {
    using netlink = Netlink.open();
    t.throws(() => use(netlink), { instanceOf: type, message: (text) => text.startsWith(what) });
  });

test('a closed socket says so', (t) => {
  const netlink = Netlink.open();
  netlink[Symbol.dispose]();
  const closed = { message: 'the netlink socket is closed' };
  t.throws(() => netlink.makeVeth({ name: 'a', peer: 'b' }), closed);
  t.throws(() => netlink.makeVxlan({ name: 'a', port: 1, vniFilter: true }), closed);
  t.throws(() => netlink.removeLink(1), closed);
  t.throws(() => netlink.features(1), closed);
  t.throws(() => netlink.setFeatures(1, new Map()), closed);
});

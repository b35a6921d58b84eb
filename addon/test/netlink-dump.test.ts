import test from 'ava';
import { Netlink, type RouteState } from '../lib/index.js';
import { Network, type Row } from './support/network.js';

test('links are what ip shows', (t) => {
  const network = new Network(t);
  network.ip('link add bridge type bridge');
  network.ip('link set far master bridge');
  network.ip('link set near mtu 1400 address 02:00:00:00:00:01');
  network.ip('link add above link near type macvlan');
  using netlink = Netlink.open({ namespace: network.path });
  const links = netlink.links();
  const nameOf = (index: unknown) => links.find((link) => link.index === index)?.name;
  t.deepEqual(
    links.map((link) => ({
      ifindex: link.index,
      ifname: link.name,
      mtu: link.mtu,
      address: link.mac,
      up: link.up,
      lowerUp: link.lowerUp,
      operstate: link.operState.toUpperCase(),
      kind: link.kind,
      master: nameOf(link.master),
      link: nameOf(link.parent),
    })),
    network.json('link show').map((row) => ({
      ifindex: row['ifindex'],
      ifname: row['ifname'],
      mtu: row['mtu'],
      address: row['address'],
      up: flags(row).includes('UP'),
      lowerUp: flags(row).includes('LOWER_UP'),
      operstate: row['operstate'],
      kind: (row['linkinfo'] as Row | undefined)?.['info_kind'],
      master: row['master'],
      link: row['link'],
    })),
  );
});

test('a parent in another namespace is told apart from one of the same index here', (t) => {
  const here = new Network(t);
  const there = new Network(t);
  here.ip('link add left type veth peer name right');
  here.ip(`link set right netns ${there.name}`);
  using netlink = Netlink.open({ namespace: here.path });
  const named = (name: string) => netlink.links().find((link) => link.name === name);
  t.is(typeof named('left')?.parentNamespace, 'number');
  t.is(named('left')?.parent, there.index('right'));
  t.is(named('near')?.parentNamespace, undefined);
  t.is(named('near')?.parent, here.far);
});

test('addresses are what ip shows', (t) => {
  const network = new Network(t);
  network.ip('address add 192.0.2.1/24 brd + dev near');
  network.ip('address add 192.0.2.2/24 dev near label near:two');
  network.ip('address add 198.51.100.1 peer 198.51.100.2/32 dev near scope link noprefixroute');
  network.ip('address add 2001:db8::1/64 dev near nodad');
  network.ip('address add 203.0.113.1/24 dev near metric 9');
  network.ip('address add 2001:db8:2::1/128 dev near nodad noprefixroute metric 77');
  network.ip('address add ::ffff:192.0.2.9/128 dev near nodad noprefixroute');
  network.ip('address add 2001:db8:1::1 peer 2001:db8:1::2/128 dev far nodad');
  using netlink = Netlink.open({ namespace: network.path });
  const seen = netlink.addresses().map((address) => ({
    index: address.index,
    family: address.family === 'ipv4' ? 'inet' : 'inet6',
    local: address.address,
    peer: address.peer,
    prefixlen: address.prefixLength,
    scope: address.scope,
    label: address.label,
    broadcast: address.broadcast,
    metric: address.metric,
    noprefixroute: address.noPrefixRoute,
    tentative: address.tentative,
  }));
  const oracle = network.json('address show').flatMap((link) =>
    (link['addr_info'] as Row[]).map((row) => ({
      index: link['ifindex'],
      family: row['family'],
      local: row['local'],
      peer: row['address'],
      prefixlen: row['prefixlen'],
      scope: row['scope'],
      label: row['label'],
      broadcast: row['broadcast'],
      metric: row['metric'] ?? 0,
      noprefixroute: row['noprefixroute'] === true,
      tentative: row['tentative'] === true,
    })),
  );
  t.deepEqual(sorted(seen), sorted(oracle));
});

test('routes of every kind, table and family are what ip shows', (t) => {
  const network = new Network(t);
  for (const command of [
    'address add 192.0.2.1/24 dev near',
    'address add 2001:db8::1/64 dev near nodad',
    'route add default via 192.0.2.254 metric 100',
    'route add 10.0.0.0/24 via 192.0.2.9 src 192.0.2.1 mtu 1400 proto 80',
    'route add 10.0.0.0/24 via 192.0.2.8 metric 7 table 1000000',
    'route add 10.0.0.0/24 tos 0x10 via 192.0.2.8',
    'route add 10.1.0.0/24 via 203.0.113.1 dev near onlink',
    'route add 10.2.0.0/24 via inet6 2001:db8::9 dev near',
    'route add 10.3.0.0/24 nexthop via 192.0.2.8 weight 3 nexthop via 192.0.2.9',
    'route add blackhole 10.4.0.0/24',
    'route add unreachable 10.5.0.0/24',
    'route add throw 10.6.0.0/24 table 77',
    'route add prohibit 10.7.0.0/24',
    'route add local 10.8.0.0/24 dev lo table 77',
    '-6 route add default via 2001:db8::254',
    '-6 route add 2001:db8:1::/48 via 2001:db8::9 metric 9 mtu 1400 proto 80',
    '-6 route add 2001:db8:2::/48 from 2001:db8:ff::/48 via 2001:db8::9',
    '-6 route add 2001:db8:3::/48 nexthop via 2001:db8::8 nexthop via 2001:db8::9 weight 4',
    '-6 route add blackhole 2001:db8:4::/48',
  ])
    network.ip(command);
  using netlink = Netlink.open({ namespace: network.path });
  const names = new Map(netlink.links().map(({ index, name }) => [index, name]));
  const seen = netlink.routes().map((route) => rowOf(route, names));
  const oracle = ['-4', '-6'].flatMap((family) =>
    network.json(`${family} route show table all`).map(normal),
  );
  t.true(seen.length > 25);
  t.deepEqual(sorted(seen), sorted(oracle));
});

test('routes can be asked by table and by protocol', (t) => {
  const network = new Network(t);
  network.ip('route add 10.0.0.0/24 dev near proto 80 table 77');
  network.ip('route add 10.1.0.0/24 dev near proto 81 table 77');
  network.ip('route add 10.2.0.0/24 dev near proto 80');
  network.ip('-6 route add 2001:db8::/48 dev near proto 80 table 77');
  using netlink = Netlink.open({ namespace: network.path });
  const asked = (filter: { table?: number; protocol?: number }) =>
    netlink
      .routes(filter)
      .map(({ destination }) => destination)
      .sort();
  t.deepEqual(asked({ table: 77 }), ['10.0.0.0/24', '10.1.0.0/24', '2001:db8::/48']);
  t.deepEqual(asked({ protocol: 80 }), ['10.0.0.0/24', '10.2.0.0/24', '2001:db8::/48']);
  t.deepEqual(asked({ table: 77, protocol: 81 }), ['10.1.0.0/24']);
  t.deepEqual(asked({ table: 78 }), [], 'a table that does not exist is empty');
});

test('neighbours and proxies are what ip shows, without forwarding entries of bridges', (t) => {
  const network = new Network(t);
  network.ip('link add bridge type bridge');
  network.ip('link set far master bridge');
  network.ip('neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 nud permanent dev near');
  network.ip('neighbour add 192.0.2.8 lladdr 02:00:00:00:00:08 nud reachable dev near');
  network.ip('neighbour add 2001:db8::9 lladdr 02:00:00:00:00:09 nud noarp dev near');
  network.ip('neighbour add proxy 192.0.2.7 dev near');
  using netlink = Netlink.open({ namespace: network.path });
  const names = new Map(netlink.links().map(({ index, name }) => [index, name]));
  const seen = netlink.neighbours();
  const plain = seen.filter(({ proxy, mac }) => !proxy && mac !== undefined);
  t.deepEqual(
    sorted(
      plain.map(({ address, index, mac, state }) => ({
        dst: address,
        dev: names.get(index),
        lladdr: mac,
        state: [state.toUpperCase()],
      })),
    ),
    sorted(
      network
        .json('neighbour show nud all')
        .filter((row) => row['lladdr'] !== undefined)
        .map(({ dst, dev, lladdr, state }) => ({ dst, dev, lladdr, state })),
    ),
  );
  t.deepEqual(
    seen.filter(({ proxy }) => proxy).map(({ address, index }) => [address, index]),
    [['192.0.2.7', network.near]],
  );
});

test('5,000 routes are dumped as ip dumps them', (t) => {
  const network = new Network(t);
  network.ip('address add 192.0.2.1/24 dev near');
  const destinations = Array.from({ length: 5000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  network.batch(destinations.map((to) => `route add ${to} via 192.0.2.9 proto 80`));
  using netlink = Netlink.open({ namespace: network.path });
  const names = new Map(netlink.links().map(({ index, name }) => [index, name]));
  const seen = netlink.routes({ protocol: 80 }).map((route) => rowOf(route, names));
  t.is(seen.length, 5000);
  const oracle = network.json('-4 route show table main').map(normal);
  t.deepEqual(
    seen,
    oracle.filter(({ protocol }) => protocol === 80),
  );
});

function flags(row: Row): readonly unknown[] {
  return row['flags'] as readonly unknown[];
}

function sorted(rows: readonly Row[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** What /etc/iproute2 calls these numbers. */
const numbers: Readonly<Record<string, number>> = {
  kernel: 2,
  boot: 3,
  static: 4,
  main: 254,
  local: 255,
};

function numberOf(name: unknown): number {
  return numbers[String(name)] ?? Number(name);
}

/** Both sides in one form: numbers for names, nothing for what has no value. */
function rowOf(route: RouteState, names: ReadonlyMap<number, string>): Row {
  const ipv4 = route.family === 'ipv4';
  return {
    type: route.type,
    dst: route.destination.replace(ipv4 ? /\/32$/ : /\/128$/, ''),
    from: route.from,
    tos: route.tos,
    table: route.table,
    protocol: route.protocol,
    metric: route.priority,
    gateway: route.gateway,
    dev: names.get(route.index ?? 0),
    prefsrc: route.source,
    mtu: route.mtu,
    onlink: route.onlink,
    hops: route.nextHops?.map(({ gateway, index, weight }) => [gateway, names.get(index), weight]),
  };
}

function normal(row: Row): Row {
  const dst = String(row['dst']);
  const any = JSON.stringify(row['gateway'] ?? '').includes(':') ? '::/0' : '0.0.0.0/0';
  const hops = row['nexthops'] as Row[] | undefined;
  const metrics = (row['metrics'] as Row[] | undefined)?.[0];
  return {
    type: row['type'],
    dst: dst === 'default' ? any : dst,
    from: row['from'],
    tos: Number(row['tos'] ?? 0),
    table: numberOf(row['table'] ?? 'main'),
    protocol: numberOf(row['protocol']),
    metric: row['metric'] ?? 0,
    gateway: row['gateway'] ?? (row['via'] as Row | undefined)?.['host'],
    dev: row['dev'],
    prefsrc: row['prefsrc'],
    mtu: metrics?.['mtu'],
    onlink: (row['flags'] as unknown[]).includes('onlink'),
    hops: hops?.map(({ gateway, dev, weight }) => [gateway, dev, weight]),
  };
}

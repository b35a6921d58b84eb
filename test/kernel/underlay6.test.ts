import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { skips } from '../support/needs.js';
import { within } from '../support/slowness.js';
import { inside, ip, Network } from '../support/network/network.js';

// What IPv6 does to routes, neighbours and addresses that IPv4 leaves alone, and how the agent answers.

const toB6 = 'fd00:244:0:2::5';
const underlayAddress = 'fd00:77::1/64';

/** All that the agent of node-a keeps in force in the kernel's own tables. */
function inForce(network: Network): string {
  const space = network.space('a');
  return [
    ip('-n', space, '-6', 'route', 'show', 'proto', '147'),
    ip('-n', space, '-4', 'route', 'show', 'proto', '147'),
    ip('-n', space, 'neigh', 'show', 'fe80::fefe', 'dev', uplinkOf(network)),
    ip('-n', space, '-6', 'address', 'show', 'dev', 'lo').replace(/^1: lo.*\n/, ''),
  ].join('\n');
}

function uplinkOf(network: Network): string {
  return /: (eth0|wan0)@/.exec(ip('-n', network.space('a'), '-o', 'link'))?.[1] ?? 'eth0';
}

/** Milliseconds until the node is as it should be; `Infinity` when it never is. */
async function repaired(network: Network, wanted: string): Promise<number> {
  for (const began = performance.now(); performance.now() - began < within(5000); await sleep(20))
    if (inForce(network) === wanted) return performance.now() - began;
  return Infinity;
}

/** The address that an admin down, or the like, takes from the uplink: whoever gave it gives it again. */
function addressAgain(space: string): void {
  ip('-n', space, 'address', 'replace', underlayAddress, 'dev', 'eth0', 'nodad');
}

function sysctl(space: string, key: string, value: number): void {
  inside(space, 'sysctl', '-qw', `${key}=${value}`);
}

interface Damage {
  readonly spoil: (space: string, network: Network) => void;
  /** What is in force then; the same as before where it is left out. */
  readonly change?: (before: string) => string;
}

const damages: Readonly<Record<string, Damage>> = {
  'all routes of ours flushed': {
    spoil: (space) => ip('-n', space, '-6', 'route', 'flush', 'proto', '147'),
  },
  'the pool route made worse': { spoil: (space) => route(space, 'replace', 'fe80::fefe', '9000') },
  'the pool route led elsewhere': {
    spoil: (space) => route(space, 'replace', 'fe80::99', '1430'),
  },
  'a second next hop for the pool route': {
    spoil: (space) => route(space, 'append', 'fe80::99', '1430'),
  },
  'nobody’s neighbour entry with another MAC': {
    spoil: (space) => neighbour(space, '02:00:00:00:00:01', 'permanent'),
  },
  'nobody’s neighbour entry no longer permanent': {
    spoil: (space) => neighbour(space, '02:fe:fe:fe:fe:fe', 'reachable'),
  },
  'another MAC for the uplink': {
    spoil: (space) => ip('-n', space, 'link', 'set', 'eth0', 'address', '02:00:00:00:77:01'),
  },
  'lo set down and up': {
    spoil: (space) => {
      ip('-n', space, 'link', 'set', 'lo', 'down');
      ip('-n', space, 'link', 'set', 'lo', 'up');
    },
  },
  'the uplink set down and up, and the kernel told to say nothing of its routes': {
    spoil: (space) => {
      sysctl(space, 'net.ipv6.route.skip_notify_on_dev_down', 1);
      ip('-n', space, 'link', 'set', 'eth0', 'down');
      ip('-n', space, 'link', 'set', 'eth0', 'up');
      addressAgain(space);
    },
  },
  'IPv6 switched off and on, on lo and the uplink': {
    spoil: (space) => {
      for (const value of [1, 0])
        for (const place of ['lo', 'eth0'])
          sysctl(space, `net.ipv6.conf.${place}.disable_ipv6`, value);
      addressAgain(space);
    },
  },
  'an MTU too small for IPv6, and back': {
    spoil: (space) => {
      ip('-n', space, 'link', 'set', 'eth0', 'mtu', '1279');
      ip('-n', space, 'link', 'set', 'eth0', 'mtu', '1500');
      addressAgain(space);
    },
  },
  'a smaller MTU of IPv6’s own, as routers advertise': {
    spoil: (space) => sysctl(space, 'net.ipv6.conf.eth0.mtu', 1400),
    change: (before) => before.replace('mtu 1430', 'mtu 1330'),
  },
  'the uplink renamed': {
    spoil: (space) => ip('-n', space, 'link', 'set', 'eth0', 'name', 'wan0'),
    change: (before) => before.replaceAll('dev eth0', 'dev wan0'),
  },
};

function route(space: string, verb: string, gateway: string, mtu: string): void {
  const way = ['via', gateway, 'dev', 'eth0', 'onlink', 'metric', '1', 'mtu', mtu];
  ip('-n', space, '-6', 'route', verb, 'fd00:244::/48', ...way, 'proto', '147');
}

function neighbour(space: string, mac: string, state: string): void {
  const entry = ['fe80::fefe', 'lladdr', mac, 'dev', 'eth0', 'nud', state];
  ip('-n', space, 'neigh', 'replace', ...entry);
}

for (const [title, { spoil, change = (before: string) => before }] of Object.entries(damages))
  kernelTest(`${title}: repaired within a second`, async (t, network) => {
    for (const node of ['a', 'b'] as const) await network.agent(node);
    t.is(network.pingTo(toB6, 1), 1);
    const wanted = change(inForce(network));
    spoil(network.space('a'), network);
    const ms = await repaired(network, wanted);
    t.log(`${Math.round(ms)} ms`);
    t.true(ms < within(1000), `after ${ms} ms\n${inForce(network)}\nwanted:\n${wanted}`);
    t.is(network.pingTo(toB6), 3);
    t.is(network.ping(), 3);
  });

kernelTest('an uplink that was removed and comes back carries IPv6 again', async (t, network) => {
  const agents = [await network.agent('a'), await network.agent('b')];
  const wanted = inForce(network);
  const from = agents.map(({ lines }) => lines.length);
  ip('-n', network.space('a'), 'link', 'del', 'eth0');
  for (const [place, agent] of agents.entries())
    await agent.until('round failed, trying again', { from: from[place] ?? 0 });
  t.regex(network.pinged('wa', toB6, '-c1', '-W1'), /unreachable/, 'and by no other way meanwhile');
  network.wire();
  for (const [place, agent] of agents.entries())
    await agent.until('working again', { from: from[place] ?? 0, timeoutMs: 2000 });
  t.true((await repaired(network, wanted)) < within(1000));
  t.is(network.pingTo(toB6, 5), 5);
});

kernelTest(
  'an admin down takes the IPv6 address: IPv4 is back with the link, and the status says what is missing',
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    t.deepEqual([network.ping(1), network.pingTo(toB6, 1)], [1, 1]);
    const wanted = inForce(network);
    const space = network.space('a');
    ip('-n', space, 'link', 'set', 'eth0', 'down');
    ip('-n', space, 'link', 'set', 'eth0', 'up');
    t.true((await repaired(network, wanted)) < within(1000), 'routes of both families');
    t.is(network.ping(), 3);
    const reason = "no interface has the node's address fd00:77::1: pools over IPv6 carry nothing";
    t.deepEqual(status(network), { verdict: 'DEGRADED', faults: [reason] });
    const from = agent.lines.length;
    addressAgain(space);
    await agent.until('no longer degraded', { from, timeoutMs: 1000 });
    t.is(network.pingTo(toB6), 3);
    t.deepEqual(status(network), { verdict: 'OK', faults: [] });
  },
);

kernelTest(
  'IPv6 switched off on the uplink: its pool is refused by name, and IPv4 loses no packet',
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    t.deepEqual([network.ping(1), network.pingTo(toB6, 1)], [1, 1]);
    const wanted = inForce(network);
    const flow = network.flow();
    const space = network.space('a');
    sysctl(space, 'net.ipv6.conf.eth0.disable_ipv6', 1);
    await agent.until('degraded', { timeoutMs: 1000 });
    t.regex(network.pinged('wa', toB6, '-c1', '-W1'), /unreachable/);
    const { faults } = status(network);
    t.deepEqual(faults, ['the pool fd00:244::/48 is not carried: IPv6 is off on eth0']);
    const planned = network.encap('a', 'run', '--dry-run', '-f', network.manifests, ...self);
    t.notRegex(planned, /fe80::fefe/);
    sysctl(space, 'net.ipv6.conf.eth0.disable_ipv6', 0);
    addressAgain(space);
    t.true((await repaired(network, wanted)) < within(1000));
    t.is(network.pingTo(toB6), 3);
    const { sent, received } = await flow.stop();
    t.is(received, sent);
    t.deepEqual(status(network), { verdict: 'OK', faults: [] });
  },
);

kernelTest(
  'an agent that starts while the uplink is down refuses packets of its pools, and carries them once it is up',
  async (t, network) => {
    await network.agent('b');
    const space = network.space('a');
    ip('-n', space, 'link', 'set', 'eth0', 'down');
    const agent = network.start('a');
    await agent.until('round failed, trying again');
    for (const [family, pool] of [
      ['-4', '10.244.0.0/16'],
      ['-6', 'fd00:244::/48'],
    ] as const)
      t.regex(ip('-n', space, family, 'route', 'show', pool), /^unreachable .*\n$/);
    ip('-n', space, 'link', 'set', 'eth0', 'up');
    addressAgain(space);
    await agent.until('ready', { timeoutMs: 1000 });
    t.deepEqual([network.ping(), network.pingTo(toB6)], [3, 3]);
  },
);

kernelTest('an underlay too small for IPv6 pools is said so', async (t, network) => {
  const agent = await network.agent('a');
  ip('-n', network.space('a'), 'link', 'set', 'eth0', 'mtu', '1349');
  const { fault, hint } = await agent.until('degraded', { timeoutMs: 1000 });
  t.regex(String(fault), /fd00:244::\/48 is not carried: its packets may have 1279 bytes/);
  t.is(hint, 'give eth0 an MTU of 1350 or more');
  ip('-n', network.space('a'), 'link', 'set', 'eth0', 'mtu', '1350');
  await agent.until('no longer degraded', { timeoutMs: 1000 });
});

kernelTest('a node that does not forward IPv6 is told so', async (t, network) => {
  const agent = await network.agent('a');
  sysctl(network.space('a'), 'net.ipv6.conf.all.forwarding', 0);
  const { fault, hint } = await agent.until('degraded', { timeoutMs: 1000 });
  t.regex(String(fault), /forwards no IPv6/);
  inside(network.space('a'), 'sh', '-c', String(hint));
  await agent.until('no longer degraded', { timeoutMs: 1000 });
});

kernelTest('what others put in our way stays when we go', async (t, network) => {
  const space = network.space('a');
  ip('-n', space, 'address', 'add', 'fd00:244:0:1::/128', 'dev', 'lo', 'nodad');
  ip('-n', space, 'address', 'add', 'fd00:9::9/128', 'dev', 'lo', 'metric', '7', 'nodad');
  const nobody = ['fe80::fefe', 'lladdr', '02:00:00:00:00:09', 'nud', 'permanent'];
  ip('-n', space, 'neigh', 'add', ...nobody, 'dev', 'cali0');
  ip('-n', space, '-6', 'route', 'add', 'fd00:9::/64', 'via', 'fd00:77::2', 'proto', '148');
  const state = (): string =>
    ['-6 route show table all', '-4 route show table all', 'neigh show nud permanent', 'address']
      .map((what) => ip('-n', space, ...what.split(' ')))
      .join('\n')
      .replace(/ expires \d+sec| valid_lft \S+/g, '');
  const before = state();
  const dryRun = network.run('a', 'dry-run') as readonly { table: string; key: string }[];
  t.is(state(), before, 'a dry run changes nothing');
  const expected = ['unicast fd00:244::/48 metric 1', 'fe80::fefe dev 2'];
  const keys = dryRun.map(({ key }) => key);
  t.true(
    expected.every((key) => keys.includes(key.replace('dev 2', `dev ${eth0(space)}`))),
    keys.join('\n'),
  );
  await (await network.agent('a')).end('SIGKILL');
  t.not(state(), before);
  t.deepEqual(network.run('a', 'once'), [], 'the next agent knows all of ours again');
  const removed = network.run('a', 'down') as readonly { table: string; key: string }[];
  t.true(removed.some(({ table, key }) => table === 'neighbours' && key.startsWith('fe80::fefe')));
  t.is(state(), before);
});

kernelTest(
  'a tunnel address that changed while no agent ran is taken away by the next one',
  async (t, network) => {
    await (await network.agent('a')).end('SIGKILL');
    const text = ip('-n', network.space('a'), '-6', 'address', 'show', 'dev', 'lo');
    t.regex(text, /fd00:244:0:1::\/128 metric 14748 /);
    network.declare({ vxlanMode: 'Always', ipv6TunnelHost: 7 });
    network.run('a', 'once');
    const now = ip('-n', network.space('a'), '-6', 'address', 'show', 'dev', 'lo');
    t.regex(now, /fd00:244:0:1::7\/128 metric 14748 /);
    t.notRegex(now, /fd00:244:0:1::\/128/);
  },
);

kernelTest(
  'where the two families are on two interfaces, the agent says what to do',
  (t, network) => {
    const space = network.space('a');
    ip('-n', space, 'address', 'del', underlayAddress, 'dev', 'eth0');
    ip('-n', space, 'address', 'add', underlayAddress, 'dev', 'cali0', 'nodad');
    t.like(network.run('a', 'once'), {
      code: 'UPLINK_UNKNOWN',
      message: 'cannot find the uplink: 192.168.77.1 is on eth0, fd00:77::1 is on cali0',
    });
    return Promise.resolve();
  },
);

kernelTest(
  'nodes that have IPv6 alone carry its pools',
  async (t, network) => {
    for (const node of ['a', 'b'] as const) await network.agent(node);
    t.is(network.pingTo(toB6), 3);
    t.deepEqual(status(network), { verdict: 'OK', faults: [] });
    t.is(
      ip('-n', network.space('a'), '-4', 'route', 'show', 'type', 'unicast', 'proto', '147'),
      '',
    );
  },
  'ipv6',
);

const self = ['--node', 'node-a'] as const;

function eth0(space: string): string {
  return /^(\d+): eth0/m.exec(ip('-n', space, '-o', 'link'))?.[1] ?? '';
}

/** What `encap status` says of node-a. */
function status(network: Network): { verdict: string; faults: readonly string[] } {
  const { verdict, faults } = JSON.parse(network.encap('a', 'status', '-o', 'json')) as {
    verdict: string;
    faults: readonly { message: string }[];
  };
  return { verdict, faults: faults.map(({ message }) => message) };
}

/** A test with two nodes of both families. */
function kernelTest(
  title: string,
  body: (t: ExecutionContext, network: Network) => Promise<void>,
  stack: 'ipv6' | 'dual-stack' = 'dual-stack',
): void {
  test.serial(title, async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ping', 'sysctl')) return;
    await using network = new Network({ vxlanMode: 'Always' }, stack);
    await body(t, network);
  });
}

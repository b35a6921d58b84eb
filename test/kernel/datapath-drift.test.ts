import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { foldersOf } from '../../src/datapath/folders.js';
import { generations } from '../../src/datapath/generation.js';
import { openMaps, type Maps } from '../../src/datapath/maps.js';
import { within } from '../support/slowness.js';
import type { Network } from '../support/network/network.js';
import { inside, ip } from '../support/network/network.js';
import { inForce, reached, repaired } from '../support/network/in-force.js';
import { networkTest } from '../support/network/network-test.js';

function repairs(
  what: string,
  spoil: (network: Network, space: string) => unknown,
  change: (wanted: string) => string = (wanted) => wanted,
  attach = 'auto',
): void {
  const title = `${what}: repaired within a second, and the workloads reach each other`;
  networkTest(title, async (t, network) => {
    await network.agent('a', attach);
    await network.agent('b');
    t.is(network.ping(1), 1);
    const wanted = inForce(network);
    spoil(network, network.space('a'));
    const ms = await repaired(network, change(wanted));
    t.log(`${Math.round(ms)} ms`);
    t.true(
      ms < within(1000),
      `repaired after ${ms} ms\n${inForce(network)}\nwanted:\n${change(wanted)}`,
    );
    t.is(network.ping(3), 3);
  });
}

repairs('F26 a deleted pool route', (_, space) =>
  ip('-n', space, 'route', 'del', '10.244.0.0/16', 'proto', '147', 'metric', '0'),
);
repairs('F26 all routes of ours flushed', (_, space) =>
  ip('-n', space, 'route', 'flush', 'proto', '147'),
);
repairs('F26 a pool route made worse', (_, space) =>
  ip(
    '-n',
    space,
    'route',
    'replace',
    '10.244.0.0/16',
    'via',
    '169.254.47.89',
    'dev',
    'eth0',
    'onlink',
    'proto',
    '147',
    'mtu',
    '9000',
  ),
);
repairs('F26 a second route of our protocol', (_, space) =>
  ip('-n', space, 'route', 'add', 'blackhole', '10.244.0.0/16', 'proto', '147', 'metric', '7'),
);
repairs("F27 nobody's neighbour entry deleted", (_, space) =>
  ip('-n', space, 'neigh', 'del', '169.254.47.89', 'dev', 'eth0'),
);
repairs("F27 nobody's neighbour entry with another MAC", (_, space) =>
  ip(
    '-n',
    space,
    'neigh',
    'replace',
    '169.254.47.89',
    'dev',
    'eth0',
    'lladdr',
    '02:00:00:00:00:01',
    'nud',
    'permanent',
  ),
);
/** As ip(8) names it: both ends. */
const ownAddress = ['10.244.1.0', 'peer', '169.254.47.89/32'];

repairs('F20 the node’s address taken and given again, behind ours', (_, space) => {
  ip('-n', space, 'address', 'del', '192.168.77.1/24', 'dev', 'eth0');
  ip('-n', space, 'address', 'add', '192.168.77.1/24', 'dev', 'eth0');
});

repairs('the tunnel address on lo, as before', (_, space) => {
  ip('-n', space, 'address', 'add', '10.244.1.0/32', 'dev', 'lo', 'label', 'lo:encap');
});

repairs('F20 the tunnel address deleted', (_, space) =>
  ip('-n', space, 'address', 'del', ...ownAddress, 'dev', 'eth0'),
);
repairs('F18 the uplink down and up', (_, space) => {
  ip('-n', space, 'link', 'set', 'eth0', 'down');
  ip('-n', space, 'link', 'set', 'eth0', 'up');
});
repairs('F16 another MAC for the uplink', (_, space) =>
  ip('-n', space, 'link', 'set', 'eth0', 'address', '02:00:00:00:77:01'),
);
repairs(
  'F19 a smaller MTU of the uplink',
  (_, space) => ip('-n', space, 'link', 'set', 'eth0', 'mtu', '1400'),
  (wanted) => wanted.replace('mtu 1450', 'mtu 1350'),
);
repairs(
  'F17 the uplink renamed',
  (_, space) => ip('-n', space, 'link', 'set', 'eth0', 'name', 'wan0'),
  (wanted) => wanted.replaceAll('eth0', 'wan0'),
);
repairs('F23 a program detached by somebody', (network, space) => {
  const { pins: folder } = foldersOf(network.environment('a'));
  const [generation = ''] = readdirSync(folder);
  inside(space, 'bpftool', 'link', 'detach', 'pinned', join(folder, generation, 'links', 'egress'));
});
repairs('F21 all pins removed', (network) =>
  rmSync(foldersOf(network.environment('a')).pins, { recursive: true }),
);
repairs(
  'F23 the clsact qdisc deleted',
  (_, space) => inside(space, 'tc', 'qdisc', 'del', 'dev', 'eth0', 'clsact'),
  undefined,
  'clsact',
);

networkTest(
  'F21 pins removed under traffic: no packet is lost, because the agent holds what they held',
  async (t, network) => {
    await network.agent('a');
    await network.agent('b');
    network.ping(1);
    const wanted = inForce(network);
    const flow = network.flow();
    await sleep(100);
    rmSync(foldersOf(network.environment('a')).pins, { recursive: true });
    t.true((await repaired(network, wanted)) < within(1000));
    await sleep(100);
    const { sent, received } = await flow.stop();
    t.is(received, sent);
  },
);

networkTest(
  'the tunnel address moves from lo, where it was before, and no packet that has it is lost',
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    const space = network.space('a');
    const wanted = inForce(network);
    await agent.end('SIGTERM');
    ip('-n', space, 'address', 'add', '10.244.1.0/32', 'dev', 'lo', 'label', 'lo:encap');
    ip('-n', space, 'address', 'del', ...ownAddress, 'dev', 'eth0');
    t.notRegex(inForce(network), /eth0:encap/);
    const flow = network.flow(0.002, 'a');
    await sleep(100);
    await network.agent('a');
    t.is(inForce(network), wanted);
    await sleep(100);
    const { sent, received } = await flow.stop();
    t.is(received, sent);
    t.true(sent > 100);
  },
);

networkTest(
  'F16 an uplink that was removed and comes back is taken into service within a second',
  async (t, network) => {
    const agents = [await network.agent('a'), await network.agent('b')];
    t.is(network.ping(1), 1);
    const from = agents.map(({ lines }) => lines.length);
    ip('-n', network.space('a'), 'link', 'del', 'eth0');
    for (const [place, agent] of agents.entries())
      await agent.until('round failed, trying again', { from: from[place] ?? 0 });
    // Nothing of the pool may leave by another way meanwhile.
    t.throws(() => inside(network.space('a'), 'ping', '-c', '1', '-W', '1', '10.244.2.5'));
    network.wire();
    const ms = await reached(network);
    t.log(`${Math.round(ms)} ms`);
    t.true(ms < within(1000), `${ms} ms`);
    for (const [place, agent] of agents.entries())
      await agent.until('working again', { from: from[place] ?? 0, timeoutMs: 2000 });
    t.is(network.ping(5), 5);
  },
);

/** What the maps that the agent fills hold, by name: entries as bytes. */
function held({ maps }: { readonly maps: Maps }): Record<string, string[]> {
  const names = ['sources', 'peers', 'policies', 'blocks', 'slots', 'pools'] as const;
  return Object.fromEntries(
    names.map((name) => [
      name,
      maps[name]
        .readAll()
        .filter(([, value]) => name === 'blocks' || value.some((byte) => byte !== 0))
        .map((entry) => entry.map((bytes) => Buffer.from(bytes).toString('hex')).join(' '))
        .sort(),
    ]),
  );
}

networkTest(
  'map entries that somebody changed, added or took away are as they were after the next round',
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    t.is(network.ping(1), 1);
    const [generation] = generations(foldersOf(network.environment('a')).pins);
    if (generation === undefined) throw new Error('nothing is pinned');
    using opened = openMaps(generation);
    const wanted = held(opened);
    const { slots, blocks, peers, pools } = opened.maps;
    const used = slots.readAll().filter(([, value]) => value.some((byte) => byte !== 0));
    const [[line, slot] = []] = used;
    const [[pool] = []] = pools.readAll();
    if (line === undefined || slot === undefined || pool === undefined) throw new Error('no block');
    const spoils: [string, () => unknown][] = [
      [
        'a slot that names another node',
        () =>
          slots.set(
            line,
            slot.map((byte) => byte && byte ^ 2),
          ),
      ],
      [
        'a slot emptied',
        () =>
          slots.set(
            line,
            slot.map(() => 0),
          ),
      ],
      [
        'a block more',
        () =>
          blocks.set(new Uint8Array(blocks.info.keySize), new Uint8Array(blocks.info.valueSize)),
      ],
      ['a pool taken away', () => pools.delete(pool)],
      [
        'a peer emptied',
        () => peers.set(Uint8Array.of(2, 0, 0, 0), new Uint8Array(peers.info.valueSize)),
      ],
    ];
    for (const [what, spoil] of spoils) {
      process.kill(agent.pid, 'SIGSTOP'); // the round after the last repair must not be quicker than the look
      spoil();
      t.notDeepEqual(held(opened), wanted, what);
      // rtnetlink does not tell of maps: something that it does tell of brings the round
      ip('-n', network.space('a'), 'route', 'flush', 'proto', '147');
      process.kill(agent.pid, 'SIGCONT');
      const began = performance.now();
      while (!isDeepStrictEqual(held(opened), wanted) && performance.now() - began < within(1000))
        await sleep(20);
      t.deepEqual(held(opened), wanted, what);
      t.is(network.ping(1), 1);
    }
  },
);

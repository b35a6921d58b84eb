import { readdirSync } from 'node:fs';
import { resource } from '../support/network/cluster.js';
import type { Network } from '../support/network/network.js';
import { faultTest } from './fault-test.js';
import { inWords, Load, lossOf, none } from './load.js';
import { vxlan } from './world.js';

/** As many entries for the table externals, from an address on. */
function externals(count: number, first: number): object {
  return resource('FelixConfiguration', 'default', {
    externalNodesList: Array.from(
      { length: count },
      (_, place) => `172.${first + (place >> 8)}.${place & 255}.0/24`,
    ),
  });
}

function entriesOf(network: Network, table: string): number | undefined {
  return network.status('a').maps.find(({ name }) => name === table)?.entries;
}

faultTest(
  {
    id: 'F13',
    title: 'a map that becomes too small: a larger one is made beside it, and nothing is lost',
    limitMs: 600_000,
  },
  async (t, network, times) => {
    const agent = await network.agent('a');
    await network.agent('b');
    await using load = await Load.start(network);
    let before = network.status('a').generation;
    for (let round = 0; round < times; round += 1) {
      const count = 1500 << round;
      const from = agent.lines.length;
      network.declare(vxlan, [externals(count, 16)]);
      await agent.until('program replaced', { from });
      t.is(entriesOf(network, 'externals'), count);
      const { generation } = network.status('a');
      t.not(generation, before);
      t.deepEqual(readdirSync(network.environment('a').ENCAP_BPFFS ?? ''), [generation]);
      before = generation;
    }
    const sums = await load.stop();
    t.log(inWords(sums));
    t.deepEqual(lossOf(sums), none);
  },
);

faultTest(
  {
    id: 'F13',
    title:
      'a change that does not fit beside what it replaces: the map is full, which is said, larger ones are made, and nothing is lost',
    times: 1,
  },
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    await using load = await Load.start(network);
    let from = agent.lines.length;
    network.declare(vxlan, [externals(1000, 16)]);
    await agent.until('tables changed', { from });
    from = agent.lines.length;
    network.declare(vxlan, [externals(1000, 24)]);
    await agent.until('working again', { from });
    t.true(agent.lines.slice(from).some(({ code }) => code === 'TABLE_FULL'));
    t.is(entriesOf(network, 'externals'), 1000);
    const sums = await load.stop();
    t.log(inWords(sums));
    t.deepEqual(lossOf(sums), none);
  },
);

/** Nodes that are declared and no machines, which share no name and no address with those of another generation. */
function manyNodes(generation: number): readonly object[] {
  return Array.from({ length: 5000 }, (_, place) =>
    resource('Node', `generation-${generation}-${place}`, {
      bgp: { ipv4Address: `172.${16 + generation}.${place >> 8}.${place & 255}/12` },
      ipv4VXLANTunnelAddr: `10.${generation}.${place >> 8}.${place & 255}`,
    }),
  );
}

faultTest(
  {
    id: 'F13',
    title:
      'more nodes than there are free places replace all the others: larger maps, not the same failure again and again, and nothing is lost',
    times: 1,
  },
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    await using load = await Load.start(network);
    let from = agent.lines.length;
    network.declare(vxlan, manyNodes(1));
    await agent.until('tables changed', { from });
    from = agent.lines.length;
    network.declare(vxlan, manyNodes(2));
    await agent.until('working again', { from });
    t.is(entriesOf(network, 'sources'), 5001);
    const sums = await load.stop();
    t.log(inWords(sums));
    t.deepEqual(lossOf(sums), none);
  },
);

import { join } from 'node:path';
import { configOf, crossingOf, probe, type Config } from '../../../src/datapath/config.js';
import { firstPeer } from '../../../src/datapath/entry.js';
import { mapTables } from '../../../src/datapath/tables/index.js';
import type { TestNode } from '../../../src/datapath/test-node.js';
import { unrouted, type PolicyName } from '../../../src/model/desired.js';
import { decide } from '../../../src/decide/decide.js';
import { inventoryOf } from '../../../src/model/assemble.js';
import type { NodeName } from '../../../src/model/node.js';
import { readResources } from '../../../src/sources/file/read.js';
import { root } from '../../support/object.js';
import { beyondCalico, nodes } from '../../support/world.js';
import { nodeOf, tablesOf } from '../reference/corpus.js';
import type { Switches, Tables, World } from '../reference/world.js';

/** The corpus' world as node A sees it, with a switch or a table that is not as usual. */
export interface Variant {
  readonly name: string;
  readonly world: World;
  /** What the programs are told of the switches. */
  readonly config: Config;
  /** What the programs are told, where that is not what is so. */
  readonly told?: Tables;
  /** Takes from the programs' tables what an agent would never leave there. */
  readonly given?: (node: TestNode) => void;
}

/** Felix' defaults, and those of a NodeConfig. */
const usual: Switches = {
  vxlanVni: 4096,
  vxlanPort: 4789,
  allowVxlanFromWorkloads: false,
  allowIpipFromWorkloads: false,
  checks: {
    source: 'strict',
    destination: 'strict',
    vxlanReservedBits: 'strict',
    outerOptions: 'drop',
  },
  sharedVxlanPort: true,
  dscp: 'inherit',
  outerTtl: 64,
  beyondCalico: { ipv6PoolsOver: 'ipv6', ipv4PoolsOver: 'ipv4', ip6ip: false },
};

/** All that are fuzzed; the first is what the corpus was written for. */
export const variants: readonly Variant[] = [
  variant('as usual', {}),
  await calicoVariant(),
  variant('no checks of inner addresses', {
    checks: { ...usual.checks, source: 'off', destination: 'off' },
  }),
  variant('inner addresses of no other node', {
    checks: { ...usual.checks, source: 'pool', destination: 'pool' },
  }),
  variant('workloads with tunnels of their own', {
    allowVxlanFromWorkloads: true,
    allowIpipFromWorkloads: true,
  }),
  variant('lenient with outer headers, not with the port', {
    checks: { ...usual.checks, vxlanReservedBits: 'ignore', outerOptions: 'accept' },
    sharedVxlanPort: false,
  }),
  variant('uniform DSCP, inherited TTL', { dscp: 'uniform', outerTtl: 'inherit' }),
  variant('DSCP of a pipe', { dscp: { pipe: 46 }, outerTtl: 7 }),
  variant(
    'beyond Calico',
    { beyondCalico: { ...usual.beyondCalico, ip6ip: true } },
    tablesOf('a', beyondCalico),
  ),
  variant('another port and VNI', { vxlanVni: 0xffffff, vxlanPort: 8472 }),
  variant('peers without UDP checksums', {}, withoutChecksums(tablesOf('a'))),
  variant(
    'a pool that is not ours',
    {},
    withUnrouted(tablesOf('a'), '10.244.0.0/16' as PolicyName),
  ),
  variant('no address yet', {}, { ...tablesOf('a'), self: { ipv4: undefined, ipv6: undefined } }),
  {
    ...variant('a peer that is gone', {}, without(tablesOf('a'), nodeOf('c'))),
    told: tablesOf('a'),
    given: (node) => {
      const { peers, sources } = mapTables(node.maps);
      sources.remove([nodes.c.underlay]);
      for (const [index, { underlay }] of peers.entries())
        if (index >= firstPeer && underlay === nodes.c.underlay) peers.remove([index]);
    },
  },
];

/** The same world, written as a user writes it: what `decide` makes of it has to be as good. */
async function calicoVariant(): Promise<Variant> {
  const file = join(root, 'test/support/corpus-world.yaml');
  const { inventory } = inventoryOf(await readResources([file], { recursive: false }), {
    node: nodeOf('a'),
  });
  const { desired } = decide(inventory, nodeOf('a'));
  return variant('in Calico’s resources', inventory.settings, desired);
}

function variant(
  name: string,
  changes: Partial<Switches>,
  tables: Tables = tablesOf('a'),
): Variant {
  const switches = { ...usual, ...changes };
  const probes = probe();
  const kernel = {
    crossesFamilies: crossingOf(probes) === 'crosses families',
    tellsMtu: probes.checkMtu,
  };
  return {
    name,
    world: { tables, switches, uplink: { mac: nodes.a.uplinkMac, mtu: 1500 }, kernel },
    config: configOf({ ...switches, fastPath: 'never' }, probes),
  };
}

function withoutChecksums(tables: Tables): Tables {
  const peers = [...tables.peers].map(
    ([name, peer]) => [name, { ...peer, zeroChecksum: true }] as const,
  );
  return { ...tables, peers: new Map(peers) };
}

function withUnrouted(tables: Tables, pool: PolicyName): Tables {
  const blocks = [...tables.blocks].map(
    ([cidr, { peer, policy }]) =>
      [cidr, { peer, policy: policy === pool ? unrouted : policy }] as const,
  );
  return { ...tables, blocks: new Map(blocks) };
}

/** Its blocks are still there. */
function without(tables: Tables, node: NodeName): Tables {
  const gone = [...tables.peers].filter(([, peer]) => peer.node === node).map(([name]) => name);
  const is = (name: string): boolean => gone.some((one) => one === name);
  return {
    ...tables,
    peers: new Map([...tables.peers].filter(([name]) => !is(name))),
    sources: new Map([...tables.sources].filter(([, { peer }]) => !is(peer))),
  };
}

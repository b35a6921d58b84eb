import { tmpdir } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { compile } from '../../src/datapath/compile.js';
import { TestNode } from '../../src/datapath/test-node.js';
import { familyOf } from '../../src/net/address.js';
import { whyNotTaken } from '../support/crossing.js';
import { whyNoPrograms } from '../support/object.js';
import { macBytes } from '../support/packet.js';
import { beyondCalico, nodes, pools, type NodeName } from '../support/world.js';
import { seedRows } from './fuzz/seeds.js';
import { variants } from './fuzz/variants.js';
import { tablesOf, type PoolRow } from './reference/corpus.js';

const missing = whyNoPrograms();
const beyond = variants.find(({ name }) => name === 'beyond Calico');
const cluster = new Map<NodeName, TestNode>();
test.after.always(() => {
  for (const node of cluster.values()) node[Symbol.dispose]();
});

/** A node with the corpus' pools and those that Calico has no name for. */
function nodeFor(name: NodeName): TestNode {
  const made =
    cluster.get(name) ??
    new TestNode({
      object: compile(),
      config: beyond?.config ?? fail('there is no such variant'),
      desired: { ...tablesOf(name, beyondCalico), routes: new Map() },
      uplink: { mac: nodes[name].uplinkMac, mtu: 1500 },
      folders: { pins: '', run: tmpdir() },
    });
  cluster.set(name, made);
  return made;
}

function arrives(t: ExecutionContext, { cidr, policy }: PoolRow, to: 'b' | 'c'): void {
  const why = missing ?? whyNotTaken(policy.underlay, familyOf(cidr));
  if (why !== undefined) {
    t.log(`skipped: ${why}`);
    t.pass();
    return;
  }
  const [a, other] = [nodeFor('a'), nodeFor(to)];
  const carried = sent.filter(({ id }) => id.startsWith(`${cidr} ${to} `));
  for (const { id, frame } of carried) {
    const out = a.run({ direction: 'egress', frame });
    if (out.kind === 'refused') return t.fail(out.why);
    t.is(out.verdict, 'ENCAPSULATED', id);
    out.frame.set(macBytes(nodes[to].uplinkMac), 0); // as redirection does
    const back = other.run({ direction: 'ingress', frame: out.frame });
    if (back.kind === 'refused') return t.fail(back.why);
    t.is(back.verdict, 'DECAPSULATED', id);
    t.is(back.peer, 'node-a' as typeof back.peer);
    t.deepEqual(back.frame.subarray(12), frame.subarray(12), id);
  }
  t.log(`${carried.length} kinds of packets`);
  t.true(carried.length >= 9);
}

/** No tunnel carries what has no end (RFC 2675). */
const sent = seedRows().filter(({ id }) => id.endsWith(' out') && !id.includes('jumbogram'));

for (const pool of [...pools, ...beyondCalico])
  for (const to of ['b', 'c'] as const) {
    const { sameSubnet, otherSubnet, underlay } = pool.policy;
    const encap = to === 'b' ? sameSubnet : otherSubnet;
    if (encap === 'none' || (to === 'c' && underlay === 'ipv6')) continue;
    test(
      `what A sends to ${to.toUpperCase()} of ${pool.cidr}, in ${encap} over ${underlay}, arrives as it was`,
      arrives,
      pool,
      to,
    );
  }

function fail(why: string): never {
  throw new Error(why);
}

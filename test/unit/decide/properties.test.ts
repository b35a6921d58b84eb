import test from 'ava';
import { decide } from '../../../src/decide/decide.js';
import { explainer } from '../../../src/decide/explain.js';
import { encapsulations, type EncapName } from '../../../src/encap/index.js';
import { unrouted, type Desired } from '../../../src/model/desired.js';
import type { Inventory } from '../../../src/model/inventory.js';
import type { NodeName } from '../../../src/model/node.js';
import { addressToInteger, familyOf, type Address, type Family } from '../../../src/net/address.js';
import type { Cidr } from '../../../src/net/cidr.js';
import { holds, worlds } from './random.js';

const self = 'a' as NodeName;

/** What each encapsulation can do, restated from bpf/encap/. */
const possible: Readonly<Record<EncapName, (inner: Family, outer: Family) => boolean>> = {
  ipip: (inner, outer) => inner === 'ipv4' && outer === 'ipv4',
  ip6ip: (inner) => inner === 'ipv6',
  vxlan: () => true,
};

/** A key of the tables as the kernel compares it. */
interface Key<Value> {
  readonly family: Family;
  readonly length: number;
  readonly bits: bigint;
  readonly value: Value;
}

function keysOf<Value>(map: ReadonlyMap<Cidr, Value>): Key<Value>[] {
  return [...map].map(([cidr, value]) => {
    const [network = '', length = ''] = cidr.split('/');
    const family = network.includes(':') ? 'ipv6' : 'ipv4';
    const bits = addressToInteger(network as Address) >> BigInt(width[family] - Number(length));
    return { family, length: Number(length), bits, value };
  });
}

const width = { ipv4: 32, ipv6: 128 } as const;

/** What encapd_egress does, restated from bpf/encapd.bpf.c and bpf/maps.h without a line of ours. */
function programWith(desired: Desired): (address: Address) => string {
  const pools = keysOf(desired.pools).sort((x, y) => y.length - x.length);
  const blocks = keysOf(desired.blocks);
  return (address) => {
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    const value = addressToInteger(address);
    const holds = (key: Key<unknown>): boolean =>
      key.family === family && value >> BigInt(width[family] - key.length) === key.bits;
    const pool = pools.find(holds);
    if (pool === undefined) return 'not in pool';
    for (const length of pool.value.blockLengths) {
      const found = blocks.find((key) => key.length === length && holds(key))?.value;
      if (found === undefined) continue;
      if (found.peer === 'self') return 'self';
      const peer = desired.peers.get(found.peer);
      if (found.policy === unrouted) return 'no policy';
      const policy = desired.policies.get(found.policy);
      if (peer === undefined || policy === undefined) return 'dangling';
      const encap = peer.sameSubnet ? policy.sameSubnet : policy.otherSubnet;
      if (encap === 'none')
        return peer.family === family ? `direct ${peer.address}` : 'next hop of the other family';
      if (!possible[encap](family, peer.family))
        return `no ${encap} of ${family} in ${peer.family}`;
      return `${encap} ${peer.address}`;
    }
    return 'no block';
  };
}

test('explain says what the program does with the tables, in any world, for any address', (t) => {
  const actions = new Map<string, number>();
  holds(worlds, ({ inventory, addresses }) => {
    const decision = decide(inventory, self);
    const ask = explainer(inventory, self, decision);
    const program = programWith(decision.desired);
    for (const address of addresses) {
      const { action, via, reason } = ask(address);
      const did = program(address);
      const context = `${address}: ${action} ${String(via)} ${reason}, the program: ${did}`;
      actions.set(action, (actions.get(action) ?? 0) + 1);
      if (action === 'direct' || action in encapsulations)
        t.is(did, `${action} ${String(via)}`, context);
      // A workload's own route leads to it, whatever the tables have; no packet of its meets them.
      else if (action === 'none' && reason === 'host-ip')
        t.regex(did, /^(direct|self|not in pool|no block|no policy)/, context);
      else if (action === 'none' && reason === 'blackhole') t.is(did, 'self', context);
      else if (action === 'none') t.regex(did, /^(not in pool|no block|no policy|self)$/, context);
    }
  });
  for (const action of [...Object.keys(encapsulations), 'direct', 'local', 'none'])
    t.true(actions.has(action), `${action} was not asked for`);
});
test('in any world the tables name only what they have, and have no length twice', (t) => {
  holds(worlds, ({ inventory }) => {
    const { desired } = decide(inventory, self);
    for (const { peer, policy } of desired.blocks.values()) {
      t.true(peer === 'self' || desired.peers.has(peer));
      t.true(policy === unrouted || desired.policies.has(policy));
    }
    for (const { peer } of desired.sources.values())
      t.true(peer === 'external' || desired.peers.has(peer));
    for (const { blockLengths } of desired.pools.values()) {
      t.deepEqual(
        [...blockLengths],
        [...new Set(blockLengths)].sort((x, y) => y - x),
      );
      t.true(blockLengths.length > 0);
    }
    for (const pool of desired.routes.keys()) t.true(desired.pools.has(pool));
  });
});
test('in any world families never mix but where a NodeConfig says so', (t) => {
  holds(worlds, ({ inventory }) => {
    const { beyondCalico } = inventory.settings;
    const { desired } = decide(inventory, self);
    const over = (family: Family): Family =>
      family === 'ipv4' ? beyondCalico.ipv4PoolsOver : beyondCalico.ipv6PoolsOver;
    for (const [name, { family, address }] of desired.peers) {
      t.is(familyOf(address), family);
      t.true(name.startsWith(`${family}/`));
    }
    for (const [address, { peer }] of desired.sources)
      if (peer !== 'external') t.is(desired.peers.get(peer)?.family, familyOf(address));
    for (const [cidr, { peer, policy: name }] of desired.blocks) {
      const policy = desired.policies.get(name);
      if (policy === undefined || peer === 'self') continue;
      const { underlay, otherSubnet } = policy;
      const inner = familyOf(cidr);
      if (underlay !== inner)
        t.deepEqual([underlay, policy.sameSubnet], [over(inner), otherSubnet]);
      // Nodes' own addresses are not encapsulated, so they have a next hop of their own family.
      t.is(desired.peers.get(peer)?.family, name.endsWith(' hosts') ? inner : underlay);
    }
    for (const [cidr, { source, overheadBytes }] of desired.routes) {
      t.true(source === undefined || familyOf(source) === familyOf(cidr));
      const policy = desired.policies.get(cidr as string as never);
      const encap = policy?.otherSubnet ?? 'none';
      const bytes =
        encap === 'none' || policy === undefined
          ? 0
          : encapsulations[encap].overheadBytes[policy.underlay];
      t.is(overheadBytes, bytes);
    }
  });
});
test('in any world an address that is let in over a tunnel is one that packets are sent to over one, or ours', (t) => {
  holds(worlds, ({ inventory }) => {
    const { desired } = decide(inventory, self);
    for (const [name, { otherSubnet, accepted }] of desired.policies)
      if (!name.endsWith(' hosts'))
        t.deepEqual([...accepted], otherSubnet === 'none' ? [] : [otherSubnet]);
  });
});
test('the order in which resources come changes nothing', (t) => {
  holds(worlds, ({ inventory }) => {
    const backwards: Inventory = {
      ...inventory,
      pools: [...inventory.pools].reverse(),
      blocks: [...inventory.blocks].reverse(),
      nodes: new Map([...inventory.nodes].reverse()),
    };
    const sorted = (value: Desired): unknown =>
      Object.fromEntries(
        Object.entries(value).map(([key, table]) => [
          key,
          table instanceof Map
            ? [...(table as Map<string, unknown>)].sort(([x], [y]) => (x < y ? -1 : 1))
            : (table as unknown),
        ]),
      );
    t.deepEqual(sorted(decide(backwards, self).desired), sorted(decide(inventory, self).desired));
  });
});

import test from 'ava';
import fc from 'fast-check';
import { decide } from '../../../src/decide/decide.js';
import { explainer } from '../../../src/decide/explain.js';
import { encapsulations, type EncapName } from '../../../src/encap/index.js';
import type { Inventory } from '../../../src/model/inventory.js';
import type { NodeName } from '../../../src/model/node.js';
import {
  addressBits,
  families,
  familyOf,
  parseAddress,
  type Address,
  type Family,
} from '../../../src/net/address.js';
import { prefixLengthOf, type Cidr } from '../../../src/net/cidr.js';
import {
  holds,
  lastsOf,
  nodeOptions,
  overlayAddress,
  overlayOf,
  sketches,
  type Sketch,
} from './random.js';
import { defaults, node, world } from './worlds.js';

const self = 'a' as NodeName;

function addressesOf(sketch: Sketch, of: readonly Family[] = families): readonly Address[] {
  return of.flatMap((family) =>
    lastsOf(sketch).map((last) => parseAddress(overlayAddress(family, last))),
  );
}

/** A sketch in one family alone: pools, blocks and nodes. */
function inFamily(sketch: Sketch, family: Family): Inventory {
  const { pools, blocks, workloads } = overlayOf(sketch, family);
  const { routeSource, programClusterRoutes } = sketch;
  return world({
    pools,
    blocks,
    nodes: sketch.nodes.map((one) => node(one.name, nodeOptions(one, family))),
    ...(sketch.workloads === undefined ? {} : { workloads }),
    settings: {
      routeSource,
      programClusterRoutes,
      beyondCalico: { ...defaults.beyondCalico, ip6ip: family === 'ipv6' },
    },
  });
}

test('IPv6 is decided as IPv4 is: the same sketch of a world has the same answers in both', (t) => {
  const both = { ip6ip: 'ipip' } as Readonly<Record<string, string>>;
  holds(sketches, (sketch) => {
    const asks = families.map((family) => explainer(inFamily(sketch, family), self));
    for (const last of lastsOf(sketch)) {
      const [four, six] = asks.map((ask, place) => {
        const family = families[place] ?? 'ipv4';
        const { action, peer, reason, block } = ask(parseAddress(overlayAddress(family, last)));
        const length = block === undefined ? undefined : prefixLengthOf(block);
        return {
          action: both[action] ?? action,
          peer,
          reason,
          host: length === undefined ? undefined : addressBits[family] - length,
        };
      });
      t.deepEqual(six, four, `.${last}`);
    }
  });
});

/** Every node with a BGP address and a tunnel address of both families, no address twice. */
function wellKept(sketch: Sketch): Sketch['nodes'] {
  return sketch.nodes.map((one, index) => ({
    ...one,
    how: 'bgp' as const,
    octet: (index + 1) as 1,
    tunnel: one.tunnel ?? 200 + index,
  }));
}

const everywhere = fc.record({
  sketch: sketches,
  beyondCalico: fc.record({
    ipv6PoolsOver: fc.constantFrom<Family>('ipv6', 'ipv4'),
    ipv4PoolsOver: fc.constantFrom<Family>('ipv4', 'ipv6'),
    ip6ip: fc.boolean(),
  }),
});

test('what one node sends is what the other takes, over whatever it goes', (t) => {
  const sent = new Map<string, number>();
  holds(everywhere, ({ sketch, beyondCalico }) => {
    const overlays = families.map((family) => overlayOf(sketch, family));
    const inventory = world({
      pools: overlays.flatMap(({ pools }) => pools),
      blocks: overlays.flatMap(({ blocks }) => blocks),
      nodes: wellKept(sketch).map((one) =>
        node(one.name, { ...nodeOptions(one, 'ipv4'), ...nodeOptions(one, 'ipv6') }),
      ),
      settings: { programClusterRoutes: sketch.programClusterRoutes, beyondCalico },
    });
    if (!inventory.nodes.has(self)) return;
    const ask = explainer(inventory, self);
    const here = decide(inventory, self).desired.self;
    const others = new Map(
      [...inventory.nodes.keys()].map((name) => [name, decide(inventory, name).desired]),
    );
    for (const address of addressesOf(sketch)) {
      const { action, via, peer, block } = ask(address);
      if (!(action in encapsulations) || via === undefined || peer === undefined) continue;
      const encap = action as EncapName;
      const underlay = familyOf(via);
      const key = `${encap} ${familyOf(address)} over ${underlay}`;
      sent.set(key, (sent.get(key) ?? 0) + 1);
      const there = others.get(peer);
      t.is(there?.self[underlay]?.address, via);
      t.true(there?.sources.get(here[underlay]?.address as Address)?.accepted.includes(encap));
      const owner = there?.blocks.get(block as Cidr);
      t.is(owner?.peer, 'self', `${address} in ${String(block)} of ${peer}`);
      const policy = owner === undefined ? undefined : there?.policies.get(owner.policy);
      t.true(policy?.accepted.includes(encap));
      t.is(policy?.underlay, underlay);
    }
  });
  t.deepEqual([...sent.keys()].sort(), [
    'ip6ip ipv6 over ipv4',
    'ip6ip ipv6 over ipv6',
    'ipip ipv4 over ipv4',
    'vxlan ipv4 over ipv4',
    'vxlan ipv4 over ipv6',
    'vxlan ipv6 over ipv4',
    'vxlan ipv6 over ipv6',
  ]);
});
test('over the other family a pool is what it is over its own with Always, at the other addresses', (t) => {
  holds(fc.tuple(sketches, fc.constantFrom<Family>('ipv4', 'ipv6')), ([sketch, inner]) => {
    const always: Sketch = {
      ...sketch,
      pools: sketch.pools.map((pool) => ({
        ...pool,
        // IPIP has one form alone.
        ipip: inner === 'ipv4' ? 'Never' : pool.ipip === 'CrossSubnet' ? 'Always' : pool.ipip,
        vxlan: pool.vxlan === 'CrossSubnet' ? 'Always' : pool.vxlan,
      })),
    };
    const [own, other] = (['own', 'other'] as const).map((way) => {
      const { pools, blocks } = overlayOf(always, inner);
      const underlay = way === 'own' ? inner : inner === 'ipv4' ? 'ipv6' : 'ipv4';
      const over = inner === 'ipv4' ? 'ipv4PoolsOver' : 'ipv6PoolsOver';
      const nodes = wellKept(always).map((one) =>
        node(one.name, { ...nodeOptions(one, 'ipv4'), ...nodeOptions(one, 'ipv6') }),
      );
      const beyondCalico = { ...defaults.beyondCalico, ip6ip: true, [over]: underlay };
      return explainer(world({ pools, blocks, nodes, settings: { beyondCalico } }), self);
    });
    for (const address of addressesOf(sketch, [inner])) {
      const [here, there] = [own?.(address), other?.(address)];
      t.is(there?.action, here?.action);
      t.is(there?.peer, here?.peer);
      t.is(there?.reason, here?.reason);
      if (here?.via !== undefined && here.action !== 'direct')
        t.not(familyOf(there?.via as Address), familyOf(here.via));
    }
  });
});

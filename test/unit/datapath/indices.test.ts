import test from 'ava';
import { noPolicy } from '../../../src/datapath/entry.js';
import { unrouted } from '../../../src/model/desired.js';
import { Kernel } from './kernel.js';
import { desiredOf } from './worlds.js';

test('a pool that was not routed until now gets a policy of its own, not the one that is none', (t) => {
  const kernel = new Kernel();
  const routed = desiredOf({
    pools: [{ encap: 'vxlan', crossSubnet: false, owners: [1, 2] }],
    nodes: [1, 2],
  });
  const idle = [...routed.blocks].map(
    ([cidr, { peer }]) => [cidr, { peer, policy: unrouted }] as const,
  );
  kernel.apply({ ...routed, blocks: new Map(idle) });
  kernel.apply(routed);
  t.is(kernel.maps.policies.content.size, 1);
  t.false(kernel.maps.policies.content.has(noPolicy));
});

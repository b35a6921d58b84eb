import test from 'ava';
import { decide } from '../../../src/decide/decide.js';
import type { NodeName } from '../../../src/model/node.js';
import { block, node, pool, world } from './worlds.js';

const blockCount = 20_000;
const nodeCount = 1_000;

test(`a cluster of ${nodeCount} nodes and ${blockCount} blocks is decided in well under a second`, (t) => {
  const nodes = Array.from({ length: nodeCount }, (_, index) =>
    node(`node-${index}`, {
      bgp: `172.${16 + (index >> 8)}.0.${index & 255}/16`,
      vxlan: `10.${index >> 6}.${(index & 63) * 4}.0`,
    }),
  );
  const blocks = Array.from({ length: blockCount }, (_, index) =>
    block(
      `10.${index >> 10}.${(index >> 2) & 255}.${(index & 3) * 64}/26`,
      `node-${index % nodeCount}`,
      {
        1: `node-${index % nodeCount}`,
        2: `node-${index % nodeCount}`,
        3: `node-${(index + 1) % nodeCount}`,
      },
    ),
  );
  const inventory = world({
    pools: [pool('p', '10.0.0.0/8', { vxlan: 'CrossSubnet' })],
    nodes,
    blocks,
  });
  const rounds = Array.from({ length: 3 }, () => {
    const startMs = performance.now();
    const { desired } = decide(inventory, 'node-0' as NodeName);
    t.true(desired.blocks.size >= 2 * blockCount, 'each block, and each borrowed address');
    return performance.now() - startMs;
  });
  // The best of three: other work on the machine must not fail this.
  const tookMs = Math.min(...rounds);
  t.log(`${Math.round(tookMs)} ms`);
  t.true(tookMs < 1_000, `${Math.round(tookMs)} ms`);
});

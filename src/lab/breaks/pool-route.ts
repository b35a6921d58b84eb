import type { Break } from './break.js';
import { exec, on, type Scene } from './scene.js';
import { reached } from './seen.js';

export const poolRoute: Break = {
  name: 'pool-route',
  title: 'somebody deletes the route of a pool',
  isRepaired: true,
  apply: (scene) =>
    on(scene, scene.node.name, ['ip', 'route', 'delete', poolOf(scene), 'proto', '147']),
  mend: () => Promise.resolve(),
  observe: (scene) => [
    {
      run: exec(scene, scene.node.name, 'ip', 'route', 'show', poolOf(scene)),
      shows: 'via 169\\.254\\.47\\.89 dev eth0 proto 147',
      meaning: 'it is back already: the agent hears of routes from the kernel',
    },
    reached(
      scene,
      'traffic goes on; in between the pool’s guard said “unreachable”, nothing left in clear',
    ),
  ],
  cure: ({ node }) => `none needed while the agent of ${node.name} runs; else start it`,
};

function poolOf({ lab: { topology } }: Scene): string {
  return topology.pools[0]?.cidr ?? '';
}

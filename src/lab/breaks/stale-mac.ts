import type { Break } from './break.js';
import { exec, on } from './scene.js';
import { counted, lost } from './seen.js';

const mac = '02:00:00:00:00:99';

export const staleMac: Break = {
  name: 'stale-mac',
  title: 'a node holds on to a MAC of its next hop that nobody has any more',
  apply: (scene) =>
    on(scene, scene.node.name, [
      ...['ip', 'neighbour', 'replace', scene.nextHop, 'lladdr', mac],
      ...['dev', 'eth0', 'nud', 'permanent'],
    ]),
  mend: (scene) =>
    on(scene, scene.node.name, ['ip', 'neighbour', 'delete', scene.nextHop, 'dev', 'eth0']),
  observe: (scene) => [
    lost(scene, 'nothing answers'),
    counted(
      scene,
      scene.node.name,
      ['encapsulated', 'egress'],
      `${scene.node.name} did its part: SENT grows, RECEIVED of ${scene.peer.name} does not`,
    ),
    {
      run: exec(scene, scene.node.name, 'ip', 'neighbour', 'show', scene.nextHop),
      shows: `${mac} PERMANENT`,
      meaning: 'an entry that somebody made for good: the kernel asks nobody',
    },
  ],
  cure: ({ node, nextHop }) =>
    `on ${node.name}: ip neighbour delete ${nextHop} dev eth0; what is not permanent the kernel probes and finds by itself`,
};

import type { Break } from './break.js';
import { exec, on } from './scene.js';
import { counted, lost } from './seen.js';

const device = 'old-tunnel';

export const rpFilter: Break = {
  name: 'rp-filter',
  title: 'a left-over route leads elsewhere, and strict reverse path filtering drops what comes in',
  apply: async (scene) => {
    const { peer, node } = scene;
    await on(scene, peer.name, ['ip', 'link', 'add', 'name', device, 'type', 'bridge']);
    await on(scene, peer.name, ['ip', 'link', 'set', 'dev', device, 'up']);
    const [block] = node.blocks;
    await on(scene, peer.name, ['ip', 'route', 'add', block?.cidr ?? '', 'dev', device]);
  },
  mend: (scene) => on(scene, scene.peer.name, ['ip', 'link', 'delete', 'dev', device]),
  observe: (scene) => [
    lost(scene, 'nothing answers'),
    counted(
      scene,
      scene.peer.name,
      ['decapsulated', 'ingress'],
      `the packets came out of the tunnel on ${scene.peer.name}`,
    ),
    {
      run: exec(scene, scene.peer.name, 'nstat', '-asz', 'TcpExtIPReversePathFilter'),
      shows: 'IPReversePathFilter +[1-9]',
      meaning: 'there the kernel dropped them: their source is to be reached by another interface',
    },
    {
      run: exec(scene, scene.peer.name, 'ip', 'route', 'get', scene.from.address),
      shows: `dev ${device}`,
      meaning: 'by this one',
    },
  ],
  cure: ({ peer, node }) =>
    `on ${peer.name}: ip route delete ${node.blocks[0]?.cidr ?? ''} dev ${device}; rp_filter is right, the route is not`,
};

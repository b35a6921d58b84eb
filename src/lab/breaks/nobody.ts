import type { Break } from './break.js';
import { exec, on } from './scene.js';
import { reached } from './seen.js';

const address = '169.254.47.89';

export const nobody: Break = {
  name: 'nobody',
  title: 'somebody deletes the neighbour that pool routes lead to',
  isRepaired: true,
  apply: (scene) =>
    on(scene, scene.node.name, ['ip', 'neighbour', 'delete', address, 'dev', 'eth0']),
  mend: () => Promise.resolve(),
  observe: (scene) => [
    {
      run: exec(scene, scene.node.name, 'ip', 'neighbour', 'show', address),
      shows: 'lladdr 02:fe:fe:fe:fe:fe PERMANENT',
      meaning: 'NOBODY is back: by this MAC the programs know what is theirs',
    },
    reached(scene, 'traffic goes on'),
  ],
  cure: ({ node }) => `none needed while the agent of ${node.name} runs; else start it`,
};

import { haltAgent, restart } from '../restart.js';
import type { Break } from './break.js';
import { exec } from './scene.js';
import { reached } from './seen.js';

export const agent: Break = {
  name: 'agent',
  title: 'a node’s agent is killed (SIGKILL)',
  apply: async ({ lab, node }) => haltAgent(lab, node.name),
  mend: async ({ lab, node }) => restart(lab, node.name),
  observe: (scene) => [
    reached(scene, 'no packet notices: the kernel has all that it takes'),
    {
      run: exec(scene, scene.node.name, 'encap', 'status'),
      shows: 'no agent is running: traffic goes on, changes are not followed',
      meaning: 'but nobody follows what changes',
    },
  ],
  cure: ({ node }) => `start the agent of ${node.name}; it reads back what is there and goes on`,
};

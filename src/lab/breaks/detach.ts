import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runInside } from '../namespace.js';
import { haltAgent, restart } from '../restart.js';
import { namespaceOf, pinFolder } from '../state.js';
import type { Break } from './break.js';
import { exec } from './scene.js';
import { lost } from './seen.js';

export const detach: Break = {
  name: 'detach',
  title: 'a node’s programs are taken off its uplink, and its agent is dead',
  apply: async ({ lab, node }) => {
    await haltAgent(lab, node.name);
    const pins = pinFolder(lab.name, node.name);
    for (const generation of readdirSync(pins))
      rmSync(join(pins, generation, 'links'), { recursive: true, force: true });
    // Linux before 6.6, where it is no link that holds them.
    await runInside(namespaceOf(lab.name, node.name), [
      'tc',
      'qdisc',
      'del',
      'dev',
      'eth0',
      'clsact',
    ]);
  },
  mend: async ({ lab, node }) => restart(lab, node.name),
  observe: (scene) => [
    lost(
      scene,
      'what took the pool’s route leaves for NOBODY’s MAC: in clear, and arrives nowhere',
    ),
    {
      run: exec(scene, scene.node.name, 'encap', 'status'),
      shows: 'DEGRADED',
      meaning: 'status sees that no program is attached',
      exit: 7,
    },
  ],
  cure: ({ node }) => `start the agent of ${node.name}: it attaches them in its first round`,
};

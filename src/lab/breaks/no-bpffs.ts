import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pinFolder } from '../state.js';
import type { Break } from './break.js';
import { reached, well } from './seen.js';

export const noBpffs: Break = {
  name: 'no-bpffs',
  title: 'somebody removes all pins of a node',
  isRepaired: true,
  apply: ({ lab, node }) => {
    const pins = pinFolder(lab.name, node.name);
    for (const entry of readdirSync(pins)) rmSync(join(pins, entry), { recursive: true });
    return Promise.resolve();
  },
  mend: () => Promise.resolve(),
  observe: (scene) => [
    well(scene, scene.node.name, 'the agent has pinned all of it again: a quarter of a second'),
    reached(scene, 'traffic goes on'),
  ],
  cure: ({ node }) => `none needed while the agent of ${node.name} runs; else start it`,
};

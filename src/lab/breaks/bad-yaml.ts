import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EncapError } from '../../errors.js';
import { runFolder } from '../state.js';
import type { Break } from './break.js';
import { exec, type Scene } from './scene.js';
import { reached } from './seen.js';

export const badYaml: Break = {
  name: 'bad-yaml',
  title: 'a resource that nobody can read comes into the agents’ folder',
  apply: (scene) => {
    writeFileSync(
      fileOf(scene),
      'apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: x\n',
    );
    return Promise.resolve();
  },
  mend: (scene) => {
    rmSync(fileOf(scene), { force: true });
    return Promise.resolve();
  },
  observe: (scene) => [
    reached(scene, 'half a world is none: the agents hold on to the last whole one'),
    {
      run: ['validate', scene.lab.manifests],
      shows: 'broken\\.yaml:\\d+:\\d+ +error',
      meaning: 'where it is wrong',
      exit: 3,
    },
    {
      run: exec(scene, scene.node.name, 'grep', 'broken.yaml', logOf(scene)),
      shows: 'broken\\.yaml',
      meaning: `the agent of ${scene.node.name} has said so in its log`,
    },
  ],
  cure: () => 'repair the file, or delete it: `encap validate` before it is put there',
};

function logOf({ lab, node }: Scene): string {
  return join(runFolder(lab.name, node.name), 'agent.log');
}

function fileOf({ lab: { manifests } }: Scene): string {
  if (statSync(manifests).isDirectory()) return join(manifests, 'broken.yaml');
  throw new EncapError('cannot break the resources: they are one file, not a folder', {
    code: 'USAGE',
    why: manifests,
    hint: 'start the lab without -f, or with a folder',
  });
}

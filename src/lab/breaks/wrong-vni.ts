import { restart } from '../restart.js';
import type { Break } from './break.js';
import { exec } from './scene.js';
import { counted, lost } from './seen.js';

export const wrongVni: Break = {
  name: 'wrong-vni',
  title: 'one node has another VNI than the rest of the cluster',
  needs: 'vxlan',
  apply: async ({ lab, peer }) => restart(lab, peer.name, { FELIX_VXLANVNI: '4097' }),
  mend: async ({ lab, peer }) => restart(lab, peer.name),
  observe: (scene) => [
    lost(scene, 'its packets arrive, and are not taken for ours'),
    counted(
      scene,
      scene.peer.name,
      ['foreign_vni', 'ingress'],
      'VXLAN of another overlay on the same port: passed on, for it may be somebody’s',
    ),
    {
      run: exec(scene, scene.peer.name, 'encap', 'status'),
      shows: 'vxlan vni 4097 ',
      meaning: 'the VNI that its programs have; the others say 4096',
    },
  ],
  cure: ({ peer }) =>
    `give ${peer.name} the same vxlanVNI: FELIX_VXLANVNI of its agent goes before the FelixConfiguration`,
};

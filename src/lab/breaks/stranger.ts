import type { Break } from './break.js';
import { exec, on } from './scene.js';
import { counted } from './seen.js';

const device = 'stranger';

export const stranger: Break = {
  name: 'stranger',
  title: 'a machine that is no node sends VXLAN with the right VNI and MAC',
  needs: 'vxlan',
  apply: async (scene) => {
    const { peer, to } = scene;
    const run = (...words: readonly string[]): Promise<void> =>
      on(scene, 'router', ['ip', ...words]);
    await run(
      ...['link', 'add', 'name', device, 'type', 'vxlan', 'id', '4096', 'dstport', '4789'],
      ...['remote', peer.address],
    );
    await run('address', 'add', '10.66.6.6/32', 'dev', device);
    await run('link', 'set', 'dev', device, 'up');
    await run('route', 'add', to.address, 'dev', device, 'src', '10.66.6.6');
    await run(
      ...['neighbour', 'replace', to.address, 'lladdr', peer.vtepMac, 'dev', device],
      ...['nud', 'permanent'],
    );
  },
  mend: (scene) => on(scene, 'router', ['ip', 'link', 'delete', 'dev', device]),
  observe: (scene) => [
    {
      run: exec(scene, 'router', 'ping', '-n', '-c', '2', '-W', '1', scene.to.address),
      shows: '100% packet loss',
      meaning: 'it is not let in; a kernel’s vxlan device takes it from anybody',
      exit: 1,
    },
    counted(
      scene,
      scene.peer.name,
      ['unknown_peer', 'ingress'],
      'VXLAN of no node of this cluster: dropped',
    ),
  ],
  cure: () => 'find who it is (tcpdump on the uplink); where it is meant to: externalNodesList',
};

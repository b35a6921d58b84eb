import type { Break } from './break.js';
import { exec, on, type Scene } from './scene.js';
import { lost } from './seen.js';

export const ipForward: Break = {
  name: 'ip-forward',
  title: 'a node stops forwarding: a sysctl file of another package',
  apply: (scene) => setForward(scene, 0),
  mend: (scene) => setForward(scene, 1),
  observe: (scene) => [
    lost(scene, 'nothing answers'),
    {
      run: exec(scene, scene.peer.name, 'encap', 'status'),
      shows: 'this node forwards no IPv4: its workloads reach no other node',
      meaning: `its packets come out of the tunnel on ${scene.peer.name}, and go no further`,
      exit: 7,
    },
  ],
  cure: ({ peer }) => `sysctl -w net.ipv4.ip_forward=1 on ${peer.name}, and in /etc/sysctl.d`,
};

function setForward(scene: Scene, value: number): Promise<void> {
  const file = '/proc/sys/net/ipv4/ip_forward';
  return on(scene, scene.peer.name, ['sh', '-c', `echo ${value} > ${file}`]);
}

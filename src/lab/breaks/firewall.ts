import { nft } from '../nft.js';
import type { Break } from './break.js';
import { on, exec } from './scene.js';
import { counted, lost } from './seen.js';

export const firewall: Break = {
  name: 'firewall',
  title: 'the network between the nodes filters tunnel packets (a security group, a switch)',
  apply: (scene) =>
    on(
      scene,
      'router',
      [nft, '-f', '-'],
      `table bridge firewall {
  chain in {
    type filter hook prerouting priority 0;
    iifname "${scene.node.name}" udp dport 4789 counter drop
    iifname "${scene.node.name}" ip protocol 4 counter drop
  }
}
`,
    ),
  mend: (scene) => on(scene, 'router', [nft, 'delete', 'table', 'bridge', 'firewall']),
  observe: (scene) => [
    lost(scene, 'nothing answers'),
    {
      run: exec(scene, scene.node.name, 'ping', '-n', '-c', '1', '-W', '1', scene.peer.address),
      shows: ' 0% packet loss',
      meaning: 'although the nodes reach each other: “the network is fine”',
    },
    counted(
      scene,
      scene.node.name,
      ['encapsulated', 'egress'],
      `${scene.node.name} sends; that ${scene.peer.name} gets nothing says RECEIVED in its own \`encap status\``,
    ),
  ],
  cure: () => 'let UDP port 4789 (VXLAN) and IP protocol 4 (IP-in-IP) through between all nodes',
};

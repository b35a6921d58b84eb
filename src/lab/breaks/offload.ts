import { nft } from '../nft.js';
import type { Break } from './break.js';
import { exec, on, type Scene } from './scene.js';
import { reached } from './seen.js';

export const offload: Break = {
  name: 'offload',
  title: 'a NIC that computes wrong checksums for what is inside a tunnel',
  // The router stands for the NIC: what node-a sends has right checksums, and a wrong one when it leaves the router's port.
  apply: async (scene) => {
    await on(scene, scene.node.name, ['ethtool', '-K', 'eth0', 'tx', 'off']);
    await on(scene, 'router', [nft, '-f', '-'], rules(scene));
  },
  mend: async (scene) => {
    await on(scene, 'router', [nft, 'delete', 'table', 'bridge', 'nic']);
    await on(scene, scene.node.name, ['ethtool', '-K', 'eth0', 'tx', 'on']);
  },
  observe: (scene) => [
    reached(scene, 'ICMP has a checksum of its own, which no NIC computes: ping is well'),
    {
      run: exec(
        ...([scene, scene.from.name] as const),
        ...['timeout', '2', 'bash', '-c', `</dev/tcp/${scene.to.address}/9`],
      ),
      shows: '',
      meaning: 'TCP is not: no “connection refused”, as it should be, but nothing',
      exit: 124,
    },
    {
      run: exec(scene, scene.to.name, 'nstat', '-asz', 'TcpInCsumErrors'),
      shows: 'TcpInCsumErrors +[1-9]',
      meaning: `${scene.to.name} threw it away, for its checksum is wrong`,
    },
  ],
  cure: ({ node }) =>
    `ethtool -K eth0 tx-checksum-ip-generic off on ${node.name} (Calico: ChecksumOffloadBroken), and a newer driver`,
};

/** Where the checksum of an inner TCP header lies, in bits behind the outer IPv4 or UDP header. */
function rules({ node, lab: { topology } }: Scene): string {
  const isVxlan = topology.pools.some(({ vxlanMode }) => vxlanMode !== 'Never');
  // UDP 8, VXLAN 8, Ethernet 14, IPv4 20, TCP 16; or outer IPv4 20, inner IPv4 20, TCP 16.
  const match = isVxlan
    ? 'udp dport 4789 @th,312,8 6 @th,528,16 set 0xdead'
    : 'ip protocol 4 @nh,232,8 6 @nh,448,16 set 0xdead';
  return `table bridge nic {
  chain in {
    type filter hook prerouting priority 0;
    iifname "${node.name}" ${match}
  }
}
`;
}

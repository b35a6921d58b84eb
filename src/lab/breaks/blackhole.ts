import { nft } from '../nft.js';
import type { Break } from './break.js';
import { largePing, narrow, setMtu } from './mtu.js';
import { on } from './scene.js';
import { reached } from './seen.js';

export const blackhole: Break = {
  name: 'blackhole',
  title: 'a link on the way takes 1400 bytes only, and ICMP about it is filtered',
  needs: 'two-subnets',
  apply: async (scene) => {
    await setMtu(scene, narrow);
    await on(scene, 'router', [nft, '-f', '-'], rules);
  },
  mend: async (scene) => {
    await on(scene, 'router', [nft, 'delete', 'table', 'ip', 'blackhole']);
    await setMtu(scene, scene.segment.mtu ?? 1500);
  },
  observe: (scene) => [
    reached(scene, 'what is small goes through: connections open, and then hang'),
    {
      run: largePing(scene),
      shows: '^(?![\\s\\S]*mtu)[\\s\\S]*100% packet loss',
      meaning:
        'no answer and no word: nobody was told, so nobody can tell (what was learned before is held for ten minutes)',
      exit: 1,
    },
  ],
  cure: ({ node }) =>
    `let ICMP “fragmentation needed” through; meanwhile mtu: { underlay: ${narrow} } in the NodeConfig of ${node.name}`,
};

const rules = `table ip blackhole {
  chain out {
    type filter hook output priority 0;
    icmp type destination-unreachable drop
  }
}
`;

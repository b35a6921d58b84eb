import { loseAt } from '../loss.js';
import { runInside } from '../namespace.js';
import { namespaceOf } from '../state.js';
import { nft } from '../nft.js';
import type { Break } from './break.js';
import { exec } from './scene.js';

export const loss: Break = {
  name: 'loss',
  title: 'a bad cable: of 100 frames to a node 30 are lost',
  apply: ({ lab, peer }) =>
    loseAt(namespaceOf(lab.name, 'router'), { port: peer.name, chain: 'broken' }, 30),
  // Whichever of the two it was made by.
  mend: async ({ lab, peer }) => {
    const router = namespaceOf(lab.name, 'router');
    await runInside(router, ['tc', 'qdisc', 'delete', 'dev', peer.name, 'root']);
    await runInside(router, [nft, 'delete', 'chain', 'bridge', 'loss', 'broken']);
  },
  observe: (scene) => [
    {
      run: exec(
        ...([scene, scene.from.name] as const),
        ...['ping', '-n', '-q', '-c', '40', '-i', '0.02', '-W', '1', scene.to.address],
      ),
      shows: ' [1-9]\\d?(\\.\\d+)?% packet loss',
      meaning: 'what is lost on the underlay is lost inside: a tunnel repairs nothing',
    },
  ],
  cure: () => 'ip -s link on both ends, ethtool -S: look for errors below the overlay',
};

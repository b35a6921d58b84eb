import type { Break } from './break.js';
import { exec, on, type Scene } from './scene.js';
import { counted } from './seen.js';

export const spoof: Break = {
  name: 'spoof',
  title: 'a workload sends from an address of another node’s, and nothing at its interface checks',
  apply: async (scene) => {
    await on(scene, scene.from.name, [
      'ip',
      'address',
      'add',
      `${stolen(scene)}/32`,
      'dev',
      'eth0',
    ]);
    await setFilter(scene, 0);
  },
  mend: async (scene) => {
    await on(scene, scene.from.name, [
      'ip',
      'address',
      'delete',
      `${stolen(scene)}/32`,
      'dev',
      'eth0',
    ]);
    await setFilter(scene, 1);
  },
  observe: (scene) => [
    {
      run: exec(
        ...([scene, scene.from.name] as const),
        ...['ping', '-n', '-c', '2', '-W', '1', '-I', stolen(scene), scene.to.address],
      ),
      shows: '100% packet loss',
      meaning: 'it gets nowhere',
      exit: 1,
    },
    counted(
      scene,
      scene.node.name,
      ['src_spoof', 'egress'],
      'the source is not this node’s: dropped before it is encapsulated',
    ),
  ],
  cure: ({ node, from }) =>
    `find out what ${from.name} is; reverse path filtering on ${node.name} (Felix sets it) stops it at its interface`,
};

/** The last address but one of the peer's block. */
function stolen({ to }: Scene): string {
  return to.address.replace(/\d+$/, '62');
}

/** Strict reverse path filtering, as Felix has it, would drop it before our program sees it. */
function setFilter(scene: Scene, value: number): Promise<void> {
  const file = '/proc/sys/net/ipv4/conf/all/rp_filter';
  return on(scene, scene.node.name, ['sh', '-c', `echo ${value} > ${file}`]);
}

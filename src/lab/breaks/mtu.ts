import { wayBetween } from '../routes.js';
import type { Break } from './break.js';
import { exec, on, type Scene } from './scene.js';

/** Bytes that the peer's subnet takes from the router while it is broken. */
export const narrow = 1400;

export const mtu: Break = {
  name: 'mtu',
  title: 'a link on the way takes 1400 bytes only, and its router says so',
  needs: 'two-subnets',
  apply: (scene) => setMtu(scene, narrow),
  mend: (scene) => setMtu(scene, scene.segment.mtu ?? 1500),
  observe: (scene) => [
    {
      run: largePing(scene),
      shows: `mtu ?= ?${narrow - scene.outerBytes}`,
      meaning: `the first is lost; then ${scene.node.name} has learned from the router’s ICMP and tells the workload`,
      exit: 1,
    },
    {
      run: exec(scene, scene.node.name, 'encap', 'map', 'dump', 'path_mtus'),
      shows: `${scene.peer.name} +${narrow}\\b`,
      meaning: 'what the path to the peer takes, outer headers and all',
    },
  ],
  cure: ({ node }) =>
    `nothing at once: senders are told. For good: mtu: { underlay: ${narrow} } in the NodeConfig of ${node.name}, or a link with the full MTU`,
};

/** The largest that the workload's interface takes, unfragmented. */
export function largePing(scene: Scene): string[] {
  const { from, to, outerBytes, segment } = scene;
  const payload = (segment.mtu ?? 1500) - outerBytes - 28;
  return exec(
    ...([scene, from.name] as const),
    ...[
      'ping',
      '-n',
      '-c',
      '4',
      '-i',
      '0.3',
      '-W',
      '1',
      '-M',
      'do',
      '-s',
      `${payload}`,
      to.address,
    ],
  );
}

export async function setMtu(scene: Scene, bytes: number): Promise<void> {
  const { lab, node, segment } = scene;
  // The last router of the way is the one that sends into the narrow link.
  const last = wayBetween(lab.topology, node.segment, segment.name)?.at(-1)?.router.name;
  await on(scene, last ?? 'router', [
    'ip',
    'link',
    'set',
    'dev',
    scene.segment.name,
    'mtu',
    `${bytes}`,
  ]);
}

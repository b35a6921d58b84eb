import type { Observation } from './break.js';
import { exec, lab, type Scene } from './scene.js';

// What several faults have in common to look at.

/** The echo request from the first workload to the second is lost. */
export function lost(scene: Scene, meaning: string): Observation {
  const run = lab(scene, 'ping', scene.from.name, scene.to.name);
  return { run, shows: 'lost', meaning, exit: 7 };
}

/** It arrives, and how. */
export function reached(scene: Scene, meaning: string): Observation {
  const run = lab(scene, 'ping', scene.from.name, scene.to.name);
  return { run, shows: '(vxlan|ipip) \\d', meaning };
}

/** A verdict of one node's programs has been counted. */
export function counted(
  scene: Scene,
  node: string,
  [verdict, direction]: readonly [string, 'egress' | 'ingress'],
  meaning: string,
): Observation {
  const count = direction === 'egress' ? '[1-9]\\d*' : '\\d+ +[1-9]\\d*';
  return {
    run: exec(scene, node, 'encap', 'status', '-o', 'wide'),
    shows: `${verdict} +${count}`,
    meaning,
  };
}

/** A node says that it is well. */
export function well(scene: Scene, node: string, meaning: string): Observation {
  return { run: exec(scene, node, 'encap', 'status', '--brief'), shows: `${node} OK`, meaning };
}

import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EncapError } from '../errors.js';
import { isAlive, stopAgent } from './agent.js';
import { differences, lookAtMachine } from './machine.js';
import { batch, namespacePath } from './namespace.js';
import { findLab, forgetLab, pinFolder, type Lab } from './state.js';

/** What `down` took away. */
export interface Removed {
  readonly name: string;
  readonly namespaces: number;
  readonly agents: number;
  /** Files under the lab's own folder of bpffs. */
  readonly pins: number;
  /** What of this machine outside of the lab is not as it was before it: changed by others, for a lab touches none of it. */
  readonly changed: readonly string[];
}

/** Ends a lab's agents, removes all that it made and checks that nothing is left. */
export async function down(name?: string): Promise<Removed> {
  return remove(findLab(name).name);
}

/** As `down`, for a lab whose state file exists. */
export async function remove(name: string): Promise<Removed> {
  const lab = findLab(name);
  const agents = lab.nodes.flatMap(({ agent }) =>
    agent !== undefined && isAlive(agent) ? [agent] : [],
  );
  await Promise.all(agents.map((agent) => stopAgent(agent)));
  const namespaces = lab.namespaces.filter((namespace) =>
    existsSync(namespacePath(namespace.name)),
  );
  // Known by their inodes once their names are gone.
  const inodes = new Set(namespaces.map((namespace) => inodeOf(namespacePath(namespace.name))));
  // What `lab exec` left behind, and agents that an interrupted `up` could not write down: before their pins go.
  await endProcesses(inodes);
  const pins = removePins(lab);
  await batch(
    'ip',
    undefined,
    namespaces.map((namespace) => `netns delete ${namespace.name}`),
  );
  checkGone(lab, inodes);
  forgetLab(name);
  const changed = lab.machine === undefined ? [] : differences(lab.machine, await lookAtMachine());
  return { name, namespaces: namespaces.length, agents: agents.length, pins, changed };
}

function removePins({ name }: Lab): number {
  const folder = pinFolder(name);
  if (!existsSync(folder)) return 0;
  const pins = readdirSync(folder, { recursive: true, withFileTypes: true });
  rmSync(folder, { recursive: true });
  const root = pinFolder('');
  if (readdirSync(root).length === 0) rmdirSync(root);
  return pins.filter((entry) => !entry.isDirectory()).length;
}

/** A namespace lives as long as a process in it; a killed one takes a moment to be gone. */
async function endProcesses(inodes: ReadonlySet<number>): Promise<void> {
  for (let waited = 0; waited < 2000; waited += 20) {
    const pids = processesIn(inodes);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it went by itself
      }
    }
    await sleep(20);
  }
}

function processesIn(inodes: ReadonlySet<number>): readonly number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      return inodes.has(inodeOf(`/proc/${entry}/ns/net`)) ? [Number(entry)] : [];
    } catch {
      return []; // it ended while we looked, or is a zombie
    }
  });
}

function inodeOf(path: string): number {
  return statSync(path).ino;
}

function checkGone(lab: Lab, inodes: ReadonlySet<number>): void {
  const left = [
    ...lab.namespaces.map(({ name }) => namespacePath(name)).filter((path) => existsSync(path)),
    ...[pinFolder(lab.name)].filter((path) => existsSync(path)),
    ...processesIn(inodes).map((pid) => `process ${pid}`),
  ];
  if (left.length > 0)
    throw new EncapError(`cannot remove all of the lab ${lab.name}: ${left.join(', ')} left`, {
      code: 'LAB_FAILED',
      hint: `encap lab down ${lab.name} again; who holds it: ip netns pids, lsof`,
    });
}

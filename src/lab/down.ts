import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { execa } from 'execa';
import { EncapError } from '../errors.js';
import { isAlive, stopAgent } from './agent.js';
import { batch, namespacePath } from './namespace.js';
import { findLab, forgetLab, pinFolder, type Lab } from './state.js';

/** What `down` took away. */
export interface Removed {
  readonly name: string;
  readonly namespaces: number;
  readonly agents: number;
  /** Files under the lab's own folder of bpffs. */
  readonly pins: number;
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
  const pins = removePins(lab);
  const namespaces = lab.namespaces.filter((namespace) =>
    existsSync(namespacePath(namespace.name)),
  );
  await Promise.all(namespaces.map((namespace) => endProcesses(namespace.name)));
  await batch(
    'ip',
    undefined,
    namespaces.map((namespace) => `netns delete ${namespace.name}`),
  );
  checkGone(lab);
  forgetLab(name);
  return { name, namespaces: namespaces.length, agents: agents.length, pins };
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

/** A namespace lives as long as a process in it: what `lab exec` left behind ends here. */
async function endProcesses(namespace: string): Promise<void> {
  const { stdout } = await execa('ip', ['netns', 'pids', namespace], { reject: false });
  for (const pid of stdout.split('\n').filter((line) => line !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it went by itself
    }
  }
}

function checkGone(lab: Lab): void {
  const left = [
    ...lab.namespaces.map(({ name }) => namespacePath(name)).filter((path) => existsSync(path)),
    ...[pinFolder(lab.name)].filter((path) => existsSync(path)),
    ...lab.nodes.flatMap(({ agent }) =>
      agent !== undefined && isAlive(agent) ? [`process ${agent.pid}`] : [],
    ),
  ];
  if (left.length > 0)
    throw new EncapError(`cannot remove all of the lab ${lab.name}: ${left.join(', ')} left`, {
      code: 'LAB_FAILED',
      hint: `encap lab down ${lab.name} again; who holds it: ip netns pids, lsof`,
    });
}

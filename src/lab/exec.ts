import { execa } from 'execa';
import { nodeEnvironment } from './agent.js';
import { endpoint, type Endpoint } from './endpoint.js';
import { inside } from './namespace.js';
import { findLab, type Lab } from './state.js';

/**
 * Runs a command on a node or in a workload of a lab, on this terminal; gives back its exit code.
 * On a node `encap` commands speak to that node's agent.
 */
export async function exec(
  where: string,
  command: readonly string[],
  name?: string,
): Promise<number> {
  const lab = findLab(name);
  const at = endpoint(lab, where);
  const [file, ...args] = inside(at.namespace, command);
  const { exitCode, signal } = await execa(file, args, {
    stdio: 'inherit',
    reject: false,
    env: environmentOf(lab, at),
  });
  return exitCode ?? (signal === 'SIGINT' ? 130 : 143);
}

/** What a command must know to speak to the agent of the node that it runs on. */
export function environmentOf(lab: Lab, { node }: Endpoint): Readonly<Record<string, string>> {
  return nodeEnvironment(lab.name, node);
}

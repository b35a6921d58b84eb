import { startAgent, stopAgent, untilReady } from './agent.js';
import { readLab, writeLab, type Lab } from './state.js';

/** Kills a node's agent, as a crash does; its datapath stays. */
export async function haltAgent(lab: Lab, node: string): Promise<void> {
  const agent = lab.nodes.find(({ name }) => name === node)?.agent;
  if (agent !== undefined) await stopAgent(agent, 'SIGKILL');
}

/** A new agent for a node in the place of its old one; ready when this returns. `env`: variables that it alone has. */
export async function restart(
  lab: Lab,
  node: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const now = readLab(lab.name) ?? lab;
  await haltAgent(now, node);
  const agent = startAgent(now.name, node, now.manifests, env);
  writeLab({
    ...now,
    nodes: now.nodes.map((one) => (one.name === node ? { ...one, agent } : one)),
  });
  await untilReady(node, agent);
}

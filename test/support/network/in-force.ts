import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inNamespace } from 'libbpf-ts';
import { foldersOf } from '../../../src/datapath/folders.js';
import { readStatus } from '../../../src/datapath/status.js';
import { within } from '../slowness.js';
import { ip, type Network } from './network.js';

/** What the agent of node-a keeps in force, as text. */
export function inForce(network: Network): string {
  const space = network.space('a');
  return [
    ip('-n', space, 'route', 'show', 'proto', '147'),
    ip('-n', space, 'neigh', 'show', '169.254.47.89'),
    ip('-n', space, '-o', '-4', 'address', 'show', 'label', '*:encap'),
    order(space),
    ...inNamespace(`/run/netns/${space}`, () => programs(network)),
    pins(network),
  ].join('\n');
}

/** Of the node's addresses: from its uplink's first one the kernel sends whatever has no better. */
function order(space: string): string {
  const lines = ip('-n', space, '-o', '-4', 'address', 'show', 'scope', 'global').split('\n');
  return lines.map((line) => line.split(/\s+/)[3]).join(' ');
}

function programs(network: Network): string[] {
  const folders = foldersOf(network.environment('a'));
  if (!existsSync(folders.pins)) return ['no pins'];
  return readStatus(folders).programs.map(
    ({ program, attach, attachedTo }) => `${program} ${attach} ${attachedTo}`,
  );
}

function pins(network: Network): string {
  const { pins } = foldersOf(network.environment('a'));
  return existsSync(pins)
    ? readdirSync(pins, { recursive: true, encoding: 'utf8' }).sort().join(' ')
    : '';
}

/** Milliseconds until the workloads reach each other; `Infinity` when they never do. */
export async function reached(network: Network, address = '10.244.2.5'): Promise<number> {
  const began = performance.now();
  while (performance.now() - began < within(20_000)) {
    if (network.pingTo(address, 1, '-q', '-W0.1') === 1) return performance.now() - began;
    await sleep(20); // an unreachable route answers at once
  }
  return Infinity;
}

/** Milliseconds until the node is as it should be again; `Infinity` when it never is. */
export async function repaired(network: Network, wanted: string): Promise<number> {
  const began = performance.now();
  while (performance.now() - began < within(10_000)) {
    try {
      if (inForce(network) === wanted) return performance.now() - began;
    } catch {
      // read in the middle of the repair: pins come back one by one
    }
    await sleep(20);
  }
  return Infinity;
}

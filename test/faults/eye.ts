import { join } from 'node:path';
import { Asked } from '../support/asked.js';
import type { Network } from '../support/network/network.js';
import { root } from '../support/object.js';
import type { Sight } from './load/sums.js';

/** Looks at the wire from node-b: what leaves in clear, or goes to the wrong node; without any load. */
export function eyeOf(
  network: Network,
  owners: readonly (readonly [cidr: string, underlay: string])[] = [],
): Promise<Asked> {
  const eye = {
    pools: ['10.244.0.0/16'],
    owners: [['10.244.1.0/26', '192.168.77.1'], ['10.244.2.0/26', '192.168.77.2'], ...owners],
    inside: ['cali', 'lo', 'encap'],
  };
  const script = join(root, 'test/faults/load/sniffer.py');
  return Asked.in(network.space('b'), 'python3', '-u', script, JSON.stringify(eye));
}

export async function sightOf(eye: Asked): Promise<Sight> {
  return (await eye.ask('read')) as Sight;
}

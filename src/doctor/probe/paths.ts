import { EncapError } from '../../errors.js';
import { datapathOf, peerName, type Facts } from '../facts.js';
import { probePath, type PathProbe } from './path.js';
import { mostPeers, targetsOf } from './peers.js';

/** The paths to these peers, or all; USAGE where there is no such peer. */
export async function probePaths(
  facts: Facts,
  names: readonly string[],
): Promise<readonly PathProbe[]> {
  const targets = targetsOf(facts, names);
  const unknown = names.filter(
    (name) => !targets.some((one) => one.name === name || one.address === name),
  );
  if (unknown.length > 0)
    throw new EncapError(`cannot probe ${unknown.join(', ')}: no peer is called so`, {
      code: 'USAGE',
      hint: `peers of this node: ${(datapathOf(facts)?.status.peers ?? []).slice(0, 20).map(peerName).join(', ')}`,
    });
  const most = facts.state?.uplink.mtu ?? 1500;
  return Promise.all(targets.slice(0, mostPeers).map((target) => probePath(target, most)));
}

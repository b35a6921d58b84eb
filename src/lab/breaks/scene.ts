import { EncapError } from '../../errors.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { runInside } from '../namespace.js';
import { labNames, namespaceOf, type Lab } from '../state.js';
import {
  isEncapsulated,
  poolOf,
  segmentOf,
  underlayMtuOf,
  workloadMtuOf,
  type LabNode,
  type Segment,
} from '../topology.js';
import type { Break } from './break.js';

/** Where a fault is made: a node of ours, a peer that it encapsulates to, a workload on each. */
export interface Scene {
  readonly lab: Lab;
  readonly node: LabNode;
  readonly peer: LabNode;
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** Of the peer. */
  readonly segment: Segment;
  /** Where the node's packets for the peer go on the underlay. */
  readonly nextHop: string;
  /** Bytes of the outer headers between them. */
  readonly outerBytes: number;
}

/** The first pair of nodes of a lab that a fault can be shown on. */
export function sceneFor(lab: Lab, { name, needs }: Break): Scene {
  const { topology } = lab;
  const ours = topology.nodes.filter(
    ({ name: one, workloads }) =>
      workloads.length > 0 &&
      lab.nodes.some((node) => node.name === one && node.agent !== undefined),
  );
  const pairs = ours.flatMap((node) =>
    ours.filter((peer) => peer !== node).map((peer): readonly [LabNode, LabNode] => [node, peer]),
  );
  const carried = pairs.filter(([node, peer]) => {
    const [block] = peer.blocks;
    if (block === undefined) return false;
    const pool = poolOf(topology, block);
    return (
      isEncapsulated(topology, pool, [node, peer]) &&
      (needs !== 'vxlan' || pool.vxlanMode !== 'Never')
    );
  });
  const routed = carried.filter(([{ segment: one }, { segment: other }]) => one !== other);
  const [node, peer] = (needs === 'two-subnets' ? routed : [...routed, ...carried])[0] ?? [];
  const [from, to] = [node?.workloads[0]?.name, peer?.workloads[0]?.name];
  if (node === undefined || peer === undefined || from === undefined || to === undefined)
    throw new EncapError(`cannot break ${lab.name} with ${name}: it has no place for that`, {
      code: 'USAGE',
      why: wants[needs ?? 'pair'],
      hint: 'a lab that has one: encap lab up crosssubnet',
    });
  const segment = segmentOf(topology, peer);
  const { router } = segmentOf(topology, node);
  return {
    lab,
    node,
    peer,
    from: endpoint(lab, from),
    to: endpoint(lab, to),
    segment,
    nextHop: node.segment === peer.segment ? peer.address : (router ?? peer.address),
    outerBytes: underlayMtuOf(topology, peer) - workloadMtuOf(topology, peer),
  };
}

const pairOfOurs =
  'it takes two nodes with agents and workloads, one of which encapsulates to the other';
const wants = {
  pair: pairOfOurs,
  'two-subnets': `${pairOfOurs}, in two subnets`,
  vxlan: `${pairOfOurs}, by VXLAN`,
} as const;

/** Runs a command where a fault is made. */
export async function on(
  { lab }: Scene,
  where: string,
  command: readonly string[],
  input = '',
): Promise<void> {
  const namespace =
    where === 'router' ? namespaceOf(lab.name, where) : endpoint(lab, where).namespace;
  const { failed, stderr, stdout } = await runInside(namespace, command, { input });
  if (failed)
    throw new EncapError(
      `cannot run ${command[0] ?? ''} at ${where}: ${(stderr + stdout).trim() || 'it failed'}`,
      {
        code: 'LAB_FAILED',
        why: command.join(' '),
        hint: 'apt install iproute2 ethtool nftables; is the fault there already, or mended? encap lab status',
      },
    );
}

/** Words of an `encap lab` command for this lab. */
export function lab({ lab: { name } }: Scene, verb: string, ...rest: readonly string[]): string[] {
  return ['lab', verb, ...(labNames().length > 1 ? ['--name', name] : []), ...rest];
}

/** `encap lab exec WHERE -- …`. */
export function exec(scene: Scene, where: string, ...command: readonly string[]): string[] {
  return lab(scene, 'exec', where, '--', ...command);
}

import { addressAt } from '../../net/cidr.js';
import type { Block } from '../block.js';
import type { NodeName } from '../node.js';
import { writtenCidr } from '../resources/address.js';
import { blockName, type IpamBlock } from '../resources/ipam-block.js';
import type { CalicoNode } from '../resources/node.js';

/** Calico's AllocationBlock → the block that decisions are made of. */
export function blockOf({ cidr, node, allocations }: IpamBlock): Block {
  return {
    cidr,
    node: node as NodeName | undefined,
    allocations: new Map(
      [...allocations].map(([ordinal, owner]) => [
        addressAt(cidr, ordinal),
        owner as NodeName | undefined,
      ]),
    ),
  };
}

/** Host-local IPAM (usePodCIDR): each podCIDR of a node is a block of its own, without allocations. */
export function hostLocalBlocks({ name, podCidrs }: CalicoNode): IpamBlock[] {
  return podCidrs.flatMap((text): IpamBlock[] => {
    const cidr = writtenCidr(text)?.network;
    if (cidr === undefined) return [];
    const spec = {
      cidr,
      affinity: `host:${name}`,
      allocations: [],
      unallocated: [],
      attributes: [],
    };
    return [
      { kind: 'IPAMBlock', name: blockName(cidr), cidr, node: name, allocations: new Map(), spec },
    ];
  });
}

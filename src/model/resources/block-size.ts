import { familyOf } from '../../net/address.js';
import type { Cidr } from '../../net/cidr.js';

/** Sizes that IPAM can hand out, by family. */
export const blockSizes = {
  ipv4: { least: 20, most: 32, usual: 26 },
  ipv6: { least: 116, most: 128, usual: 122 },
} as const;

/** Whether blocks of a pool may have this size. */
export function isBlockSize(cidr: Cidr, size: number): boolean {
  const { least, most } = blockSizes[familyOf(cidr)];
  return size >= least && size <= most;
}

import { families, type Family } from '../net/address.js';
import type { Uplink } from './uplink.js';

/** Something that is wrong with a datapath, and what to do about it. */
export interface Fault {
  /** A few words for `--brief`. */
  readonly short: string;
  readonly message: string;
  readonly hint: string;
}

/** Pure: what the node's network lacks, for pools of these families. */
export function networkFaults(
  used: ReadonlySet<Family>,
  { faults, sysctls }: Pick<Uplink, 'faults' | 'sysctls'>,
): readonly Fault[] {
  return [
    ...faults,
    ...families
      .filter((family) => used.has(family) && !sysctls.forwards[family])
      .map((family) => notForwarding[family]),
  ];
}

const notForwarding: Readonly<Record<Family, Fault>> = {
  ipv4: {
    short: 'no IPv4 forwarding',
    message: 'this node forwards no IPv4: its workloads reach no other node, and none reaches them',
    hint: 'sysctl -w net.ipv4.ip_forward=1',
  },
  ipv6: {
    short: 'no IPv6 forwarding',
    message: 'this node forwards no IPv6: its workloads reach no other node, and none reaches them',
    hint: 'sysctl -w net.ipv6.conf.all.forwarding=1',
  },
};

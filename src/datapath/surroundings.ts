import type { AddressState, LinkState, Netlink } from 'libbpf-ts';
import { readSysctls, type Sysctls } from './sysctl.js';

/** The interfaces of this network namespace: what the uplink is found by. */
export interface Surroundings {
  readonly links: readonly LinkState[];
  readonly addresses: readonly AddressState[];
  /** Of the interface of this name. */
  readonly sysctls: (name: string) => Sysctls;
}

/** Reads them from the kernel. */
export function lookAround(netlink: Netlink): Surroundings {
  return { links: netlink.links(), addresses: netlink.addresses(), sysctls: readSysctls };
}

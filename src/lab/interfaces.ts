import { EncapError } from '../errors.js';
import { runInside } from './namespace.js';
import type { LabInterface } from './state.js';

/** The interfaces of a namespace and their addresses, as the kernel has them. */
export async function interfacesOf(namespace: string): Promise<readonly LabInterface[]> {
  const { stdout, failed, stderr } = await runInside(namespace, ['ip', '-d', '-j', 'address']);
  if (failed)
    throw new EncapError(`cannot list the interfaces of ${namespace}: ${stderr.trim()}`, {
      code: 'LAB_FAILED',
      hint: 'run `encap lab status`',
    });
  return (JSON.parse(stdout) as readonly IpAddress[]).map((link) => ({
    name: link.ifname,
    kind: link.linkinfo?.info_kind ?? link.link_type,
    mac: link.address,
    mtu: link.mtu,
    addresses: link.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  }));
}

/** The part of `ip -d -j address` that we read. */
interface IpAddress {
  readonly ifname: string;
  readonly mtu: number;
  readonly link_type: string;
  readonly address: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
}

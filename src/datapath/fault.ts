import type { Fault } from '../model/fault.js';
import { families, type Family } from '../net/address.js';
import type { Sysctls } from './sysctl.js';
import type { Uplink } from './uplink.js';

/** Pure: what the node's network lacks, for pools of these families. */
export function networkFaults(
  used: ReadonlySet<Family>,
  { name, faults, sysctls }: Pick<Uplink, 'name' | 'faults' | 'sysctls'>,
): readonly Fault[] {
  return [
    ...faults,
    ...families
      .filter((family) => used.has(family) && !sysctls.forwards[family])
      .map((family) => notForwarding(family, name, sysctls.routers)),
  ];
}

function notForwarding(family: Family, uplink: string, routers: Sysctls['routers']): Fault {
  const name = family === 'ipv4' ? 'IPv4' : 'IPv6';
  const fault = {
    short: `no ${name} forwarding`,
    message: `this node forwards no ${name}: its workloads reach no other node, and none reaches them`,
  };
  if (family === 'ipv4')
    return {
      ...fault,
      hint: `sysctl -w net.ipv4.ip_forward=1 net/ipv4/conf/${uplink}/forwarding=1`,
    };
  // Else the node would lose the default route that routers gave it, the moment it forwards.
  const first = routers === 'as a host' ? `net/ipv6/conf/${uplink}/accept_ra=2 ` : '';
  return { ...fault, hint: `sysctl -w ${first}net.ipv6.conf.all.forwarding=1` };
}

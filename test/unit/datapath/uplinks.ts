import type { Sysctls } from '../../../src/datapath/sysctl.js';
import type { Uplink } from '../../../src/datapath/uplink.js';

/** What a node that speaks and forwards both families says. */
export const switchedOn: Sysctls = {
  ipv6: { is: 'on', mtu: 1500 },
  forwards: { ipv4: true, ipv6: true },
  reversePath: 'off',
  routers: 'never',
};

/** An uplink that lacks nothing. */
export function uplinkWith(more: Partial<Uplink> = {}): Uplink {
  return { name: 'eth0', index: 7, mtu: 1500, sysctls: switchedOn, faults: [], ...more };
}

import type { Inventory } from '../model/inventory.js';
import type { NodeName } from '../model/node.js';
import type { TunnelEnds } from '../model/tunnel-ends.js';
import { families } from '../net/address.js';
import { vtepOf } from './vtep.js';

/** The ends that Calico's own tunnel devices of a node would have; pure. */
export function tunnelEndsOf({ nodes, settings }: Inventory, self: NodeName): TunnelEnds {
  const own = nodes.get(self);
  const ipip = own?.ipv4.ipipTunnelAddress;
  return {
    own: {
      vxlan: own && vtepOf(own, 'ipv4', 'ipv4'),
      vxlanV6: own && vtepOf(own, 'ipv6', 'ipv6'),
      ipip: ipip && { tunnelAddress: ipip },
    },
    vni: settings.vxlanVni,
    port: settings.vxlanPort,
    vteps: Object.fromEntries(
      [...nodes.values()]
        .filter((node) => node !== own)
        .flatMap((node) => families.map((family) => vtepOf(node, family, family)))
        .flatMap((vtep) => (vtep === undefined ? [] : [[vtep.address, vtep.tunnelAddress]])),
    ),
  };
}

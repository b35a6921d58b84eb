import type { Netlink, NetlinkEvent } from 'libbpf-ts';
import { cutterNames } from '../datapath/cutter.js';
import { mergerName } from '../datapath/merger.js';
import { loopback, nobody, routeProtocol } from '../datapath/nexthop.js';
import { families } from '../net/address.js';
import type { Datapath } from '../datapath/datapath.js';
import { isWorkloadRoute } from '../datapath/workloads.js';

/** Calls back when someone changes links, addresses, routes or neighbours that the datapath stands on. */
export async function watchNetwork(
  netlink: Netlink,
  datapath: Pick<Datapath, 'uplink' | 'fastPaths'>,
  signal: AbortSignal,
  changed: () => void,
): Promise<void> {
  const groups = ['link', 'address', 'route', 'neighbour'] as const;
  for await (const event of netlink.watch(groups, signal)) if (concerns(event, datapath)) changed();
}

/** Without an uplink everything may bring one. */
function concerns(
  event: NetlinkEvent,
  { uplink, fastPaths }: Pick<Datapath, 'uplink' | 'fastPaths'>,
): boolean {
  switch (event.event) {
    case 'overflow':
      return true;
    case 'link':
      return (
        uplink === undefined ||
        event.index === uplink.index ||
        event.index === loopback ||
        event.name === uplink.name ||
        event.name === cutterNames.in ||
        event.name === cutterNames.out ||
        event.name === mergerName ||
        fastPaths.beginsAt(event.index)
      );
    case 'address':
      return uplink === undefined || event.index === uplink.index || event.index === loopback;
    case 'route':
      return event.protocol === routeProtocol || (fastPaths.isOn && isWorkloadRoute(event));
    case 'neighbour':
      return (
        families.some((family) => nobody[family] === event.address) ||
        fastPaths.awaits(event.address)
      );
  }
}

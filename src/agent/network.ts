import { setTimeout as sleep } from 'node:timers/promises';
import type { Netlink, NetlinkEvent } from 'libbpf-ts';
import { cutterNames } from '../datapath/cutter.js';
import { mergerName } from '../datapath/merger.js';
import { isKernelTunnel, type KernelTunnel } from '../datapath/kernel-tunnel.js';
import { detourPriority, loopback, nobody, routeProtocol } from '../datapath/nexthop.js';
import { families } from '../net/address.js';
import { Backoff } from '../sources/backoff.js';
import type { Datapath } from '../datapath/datapath.js';
import { isWorkloadRoute } from '../datapath/workloads.js';

export interface NetworkWatch {
  readonly signal: AbortSignal;
  readonly changed: () => void;
  /** The kernel ended the watch: a new one begins in so many milliseconds. */
  readonly lost: (failure: unknown, nextMs: number) => void;
}

type Watched = Pick<Datapath, 'uplink' | 'fastPaths' | 'kernelTunnels'>;

/** Calls back when someone changes links, addresses, routes or neighbours that the datapath stands on. */
export async function watchNetwork(
  netlink: Netlink,
  datapath: Watched,
  { signal, changed, lost }: NetworkWatch,
): Promise<void> {
  const groups = ['link', 'address', 'route', 'neighbour', 'rule'] as const;
  const backoff = new Backoff();
  while (!signal.aborted)
    try {
      for await (const event of netlink.watch(groups, signal)) {
        backoff.reset();
        if (concerns(event, datapath)) changed();
      }
    } catch (failure) {
      const nextMs = backoff.nextMs();
      lost(failure, nextMs);
      await sleep(nextMs, undefined, { signal }).catch(() => undefined);
      // What happened meanwhile nobody told; the round comes when the new watch is open.
      changed();
    }
}

/** Without an uplink everything may bring one. */
function concerns(event: NetlinkEvent, { uplink, fastPaths, kernelTunnels }: Watched): boolean {
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
        isKernelTunnel(event) ||
        event.kind === 'vxlan' ||
        fastPaths.beginsAt(event.index)
      );
    case 'address':
      return uplink === undefined || event.index === uplink.index || event.index === loopback;
    case 'route':
      return (
        event.protocol === routeProtocol ||
        turnsTunnel(event, kernelTunnels) ||
        (fastPaths.isOn && isWorkloadRoute(event))
      );
    case 'neighbour':
      return (
        families.some((family) => nobody[family] === event.address) ||
        fastPaths.awaits(event.address)
      );
    case 'rule':
      return event.protocol === routeProtocol || event.priority === detourPriority;
  }
}

/** The first route that leads into a kernel tunnel, or one of those that did and goes: of thousands, few change anything. */
function turnsTunnel(
  { change, index }: Extract<NetlinkEvent, { event: 'route' }>,
  tunnels: readonly KernelTunnel[],
): boolean {
  const tunnel = tunnels.find((one) => one.index === index);
  return tunnel !== undefined && (tunnel.routes === 0) === (change === 'new');
}

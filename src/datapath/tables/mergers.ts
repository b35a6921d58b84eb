import { isDeepStrictEqual } from 'node:util';
import { NetlinkError, type LinkState, type Netlink } from 'libbpf-ts';
import { EncapError } from '../../errors.js';
import { mergerName, type MergerState } from '../merger.js';
import type { Table } from '../table.js';

/** The one interface that has received VXLAN packets merged. */
export function mergers(netlink: Netlink): Table<string, MergerState> {
  return {
    name: 'mergers',
    same: isDeepStrictEqual,
    entries: () => {
      const found = ours(netlink);
      return new Map(found === undefined ? [] : [[mergerName, stateOf(found)]]);
    },
    put: (entries) => {
      for (const { port } of new Map(entries).values()) make(netlink, port);
    },
    remove: () => remove(netlink),
  };
}

function stateOf({ vxlan, up, arp }: LinkState): MergerState {
  return {
    port: vxlan?.port ?? 0,
    takesNothing: vxlan?.external === true && vxlan.vniFilter,
    up,
    arp,
  };
}

/** Down until it is known to take nothing: up, one without a filter would open every packet for anybody. */
function make(netlink: Netlink, port: number): void {
  refuseForeign(netlink);
  remove(netlink);
  netlink.makeVxlan({ name: mergerName, port, vniFilter: true });
  const made = ours(netlink);
  if (made === undefined || !stateOf(made).takesNothing) {
    remove(netlink);
    throw new EncapError('cannot have received VXLAN packets merged', {
      code: 'FEATURE_MISSING',
      why: 'vxlan devices of this kernel filter no VNIs (Linux 5.18)',
      hint: 'receiveMerging: off in the NodeConfig, if this need not be tried',
    });
  }
  netlink.changeLink({
    index: made.index,
    arp: false,
    ...(made.addressGeneration === undefined ? {} : { addressGeneration: 'none' as const }),
  });
  try {
    netlink.changeLink({ index: made.index, up: true });
  } catch (cause) {
    remove(netlink);
    if (!(cause instanceof NetlinkError) || cause.code !== 'EADDRINUSE') throw cause;
    const others = netlink.links().filter(({ vxlan }) => vxlan?.port === port);
    throw new EncapError('cannot have received VXLAN packets merged', {
      code: 'KERNEL_REFUSED',
      why: `UDP port ${port} is in use by ${others.map(({ name }) => name).join(', ') || 'another socket'}`,
      hint: `ip -d link show type vxlan; ss -ulpn sport = ${port}`,
      cause,
    });
  }
}

function refuseForeign(netlink: Netlink): void {
  const there = netlink.links().find(({ name }) => name === mergerName);
  if (there === undefined || there.kind === 'vxlan') return;
  throw new EncapError(`cannot make ${mergerName}: the name is taken`, {
    code: 'KERNEL_REFUSED',
    why: `${mergerName} is there and no vxlan device: it is not ours`,
    hint: `rename it: ip link set ${mergerName} name OTHER`,
  });
}

function ours(netlink: Netlink): LinkState | undefined {
  return netlink.links().find(({ name, kind }) => name === mergerName && kind === 'vxlan');
}

function remove(netlink: Netlink): void {
  const there = ours(netlink);
  if (there !== undefined) netlink.removeLink(there.index);
}

import { existsSync, readFileSync } from 'node:fs';
import type { Family } from '../net/address.js';

/** What the kernel's switches say of an interface; rtnetlink does not tell when they change. */
export interface Sysctls {
  readonly ipv6: Ipv6;
  /** Whether packets that come out of a tunnel are handed on to workloads. */
  readonly forwards: Readonly<Record<Family, boolean>>;
  /** rp_filter for IPv4: strict drops what would not be answered by the same interface (RFC 3704 section 2.2). */
  readonly reversePath: 'off' | 'strict' | 'loose';
  /** Routers are listened to only while the node is none itself: it would lose the default route that it has of them. */
  readonly routers: 'as a host' | 'always' | 'never';
}

/** Whether an interface and lo speak IPv6. */
export type Ipv6 =
  /** `mtu`: IPv6's own for the link; routers may advertise one (RFC 4861 section 4.6.4). */
  | { readonly is: 'on'; readonly mtu: number }
  | { readonly is: 'off'; readonly why: string; readonly hint: string }
  /** Not in this kernel at all: no packet of it, and no route to keep it away. */
  | { readonly is: 'absent'; readonly why: string; readonly hint: string };

/** RFC 8200 section 5: every link of IPv6 takes packets of this size; so does an overlay. */
export const ipv6MinimumMtu = 1280;

/** Reads the switches that matter to the uplink of this name. */
export function readSysctls(name: string): Sysctls {
  return {
    ipv6: readIpv6(name),
    forwards: {
      ipv4: read(`ipv4/conf/${name}/forwarding`) !== '0',
      ipv6: read('ipv6/conf/all/forwarding') !== '0',
    },
    reversePath: reversePathOf(name),
    routers: acceptRa[read(`ipv6/conf/${name}/accept_ra`) ?? '0'] ?? 'never',
  };
}

/** The larger one of the interface's own and that of all counts (ip-sysctl.rst). */
function reversePathOf(name: string): Sysctls['reversePath'] {
  const filters = ['all', name].map((place) => Number(read(`ipv4/conf/${place}/rp_filter`) ?? '0'));
  return (['off', 'strict'] as const)[Math.max(...filters)] ?? 'loose';
}

/** accept_ra of the kernel's ip-sysctl.rst. */
const acceptRa: Readonly<Record<string, Sysctls['routers']>> = {
  '0': 'never',
  '1': 'as a host',
  '2': 'always',
};

function readIpv6(name: string): Ipv6 {
  if (!existsSync(`${folder}/ipv6`))
    return {
      is: 'absent',
      why: 'this kernel was started without IPv6',
      hint: 'start it without ipv6.disable=1',
    };
  for (const place of ['lo', name])
    if (read(`ipv6/conf/${place}/disable_ipv6`) === '1')
      return {
        is: 'off',
        why: `IPv6 is off on ${place}`,
        hint: `sysctl -w net/ipv6/conf/${place}/disable_ipv6=0`,
      };
  const mtu = read(`ipv6/conf/${name}/mtu`);
  if (mtu === undefined && existsSync(`${folder}/ipv4/conf/${name}`))
    return {
      is: 'off',
      why: `${name} has no IPv6, as its MTU is below ${ipv6MinimumMtu}`,
      hint: `ip link set ${name} mtu ${ipv6MinimumMtu} or more`,
    };
  return { is: 'on', mtu: Number(mtu ?? Infinity) }; // renamed a moment ago: its event comes
}

const folder = '/proc/sys/net';

/** A switch below /proc/sys/net. undefined: there is no such switch (any more). */
export function read(path: string): string | undefined {
  try {
    return readFileSync(`${folder}/${path}`, 'utf8').trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}

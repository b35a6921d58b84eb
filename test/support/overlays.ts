import type { Family } from '../../src/net/address.js';
import { nodes } from './world.js';

/** A pool of the corpus (or beyond Calico) as Pair wires it between A and B. */
export interface Overlay {
  readonly family: Family;
  /** Of the outer headers. */
  readonly over: Family;
  readonly pool: string;
  /** What the underlay's 1500 leave beside the outer headers. */
  readonly mtu: number;
}

/** How packets between A and B may travel; the two share a subnet. */
export const overlays = {
  vxlan: { family: 'ipv4', over: 'ipv4', pool: '10.244.0.0/16', mtu: 1450 },
  ipip: { family: 'ipv4', over: 'ipv4', pool: '10.245.0.0/16', mtu: 1480 },
  none: { family: 'ipv4', over: 'ipv4', pool: '10.246.0.0/16', mtu: 1450 },
  vxlan6: { family: 'ipv6', over: 'ipv6', pool: 'fd00:244::/48', mtu: 1430 },
  none6: { family: 'ipv6', over: 'ipv6', pool: 'fd00:246::/48', mtu: 1430 },
  'vxlan 4 over 6': { family: 'ipv4', over: 'ipv6', pool: '10.249.0.0/16', mtu: 1430 },
  'vxlan 6 over 4': { family: 'ipv6', over: 'ipv4', pool: 'fd00:249::/48', mtu: 1450 },
  'ip6ip over 6': { family: 'ipv6', over: 'ipv6', pool: 'fd00:250::/48', mtu: 1460 },
  'ip6ip over 4': { family: 'ipv6', over: 'ipv4', pool: 'fd00:251::/48', mtu: 1480 },
} as const satisfies Record<string, Overlay>;

export type OverlayName = keyof typeof overlays;

export const overlayNames = Object.keys(overlays) as readonly OverlayName[];

/** Address of a workload (5) or of its node's end of the link (1). */
export function addressIn(name: OverlayName, side: 'a' | 'b', host: 1 | 5 = 5): string {
  const { family, pool } = overlays[name];
  const { third } = nodes[side];
  return family === 'ipv4'
    ? pool.replace(/\.0\.0\/16$/, `.${third}.${host}`)
    : pool.replace(/::\/48$/, `:0:${third}::${host}`);
}

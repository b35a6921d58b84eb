import { encapsulations } from '../encap/index.js';
import { familyOf, type Address } from '../net/address.js';
import type { Mac } from '../net/mac.js';
import type { Overlay } from './overlay.js';
import type { Scene, Verdict } from './verdict.js';

/** What a packet gets in front of it, as far as this node decides it. */
export interface Outer {
  /** undefined: this node has no such address yet. */
  readonly source: Address | undefined;
  readonly destination: Address;
  /** Bytes that the packet grows by. */
  readonly bytes: number;
  readonly vxlan?: OuterVxlan;
}

/** Inside of UDP: RFC 7348 section 5. */
export interface OuterVxlan {
  readonly vni: number;
  readonly port: number;
  /** MACs of the inner Ethernet header; undefined: not known yet. */
  readonly sourceMac: Mac | undefined;
  readonly destinationMac: Mac | undefined;
}

/** undefined: it gets nothing. */
export function outerOf(
  { action, via, peer }: Verdict,
  { pool, underlay }: Overlay,
  { inventory: { settings }, decision: { desired, trace } }: Scene,
): Outer | undefined {
  if (action === 'direct' || action === 'local' || action === 'none' || via === undefined)
    return undefined;
  const { carriesEthernet, overheadBytes } = encapsulations[action];
  const self = desired.self[underlay];
  const host = peer === undefined ? undefined : trace.hosts[underlay].get(peer);
  return {
    source: self?.address,
    destination: via,
    bytes: overheadBytes[underlay],
    ...(carriesEthernet
      ? {
          vxlan: {
            vni: settings.vxlanVni,
            port: settings.vxlanPort,
            sourceMac: self?.vtepMac,
            destinationMac: host?.vteps[familyOf(pool.cidr)]?.mac,
          },
        }
      : {}),
  };
}

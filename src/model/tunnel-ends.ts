import type { Address } from '../net/address.js';
import type { Mac } from '../net/mac.js';

/** What Calico's own tunnel devices of a node take beyond the tables of the programs. */
export interface TunnelEnds {
  /** This node's own; absent where it has none of a kind. */
  readonly own: {
    readonly vxlan?: OwnVtep | undefined;
    readonly vxlanV6?: OwnVtep | undefined;
    readonly ipip?: { readonly tunnelAddress: Address } | undefined;
  };
  readonly vni: number;
  /** UDP port of VXLAN. */
  readonly port: number;
  /** Tunnel addresses of the other nodes, of VXLAN, by their underlay address of the same family. */
  readonly vteps: Readonly<Record<string, Address>>;
}

/** This node's end of VXLAN tunnels of one family. */
export interface OwnVtep {
  readonly address: Address;
  readonly tunnelAddress: Address;
  readonly mac: Mac;
}

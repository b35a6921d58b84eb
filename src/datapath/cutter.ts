// What can't be carried in one piece goes through a pair of interfaces that can do nothing by themselves: the kernel
// cuts it and writes its checksums before it lets it in. bpf/cutter.h tells what it is needed for.

/** The ends of the pair: what is to be cut enters at the first, pieces come out of the second. */
export const cutterNames = { in: 'encap.cut0', out: 'encap.cut1' } as const;

/** The largest there is: only the uplink's MTU shall count. */
export const cutterMtu = 65535;

/** A cutter as the kernel has it; any difference from `wantedCutter` makes it useless or unsafe. */
export interface CutterState {
  /** Both ends are here, and each is the other's. */
  readonly joined: boolean;
  readonly up: boolean;
  readonly mtu: number;
  /** It has no addresses: nothing asks for neighbours. */
  readonly arp: boolean;
  /** Features by which a packet would pass uncut, without a checksum, or merged again. */
  readonly offloads: readonly string[];
}

export const wantedCutter: CutterState = {
  joined: true,
  up: true,
  mtu: cutterMtu,
  arp: false,
  offloads: [],
};

/** Features (ethtool -k) that a cutter must not have; tx-generic-segmentation, tx-checksum-sctp, rx-gro… */
export function spoilsCutting(feature: string): boolean {
  return /^(tx-(.*-segmentation$|checksum-|gso-)|rx-gro|rx-udp-gro)/.test(feature);
}

// VXLAN packets reach the ingress program one by one, if the wire carries them so: the kernel merges what comes to a
// UDP tunnel socket, and nobody has one. A vxlan device has; this one takes nothing for itself, for of all VNIs that it
// might take it was told none.

export const mergerName = 'encap.merge0';

/** A merger as the kernel has it; any difference from what is wanted makes it useless or unsafe. */
export interface MergerState {
  /** UDP port whose packets are merged. */
  readonly port: number;
  /** It takes no packet: of every VNI, filtered by a list that is empty. */
  readonly takesNothing: boolean;
  readonly up: boolean;
  readonly arp: boolean;
}

export function wantedMerger(port: number): MergerState {
  return { port, takesNothing: true, up: true, arp: false };
}

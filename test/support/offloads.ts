/**
 * How much of a packet's work is left to a NIC. on: super-packets cross the wire, as between virtual
 * machines; wire: the kernel cuts them before it and merges them behind it; off: every packet is whole,
 * with all its checksums.
 */
export type Offloads = 'on' | 'wire' | 'off';

const all = ['tso', 'gso', 'gro', 'tx'];
const tunnels = [
  'tx-udp_tnl-segmentation',
  'tx-udp_tnl-csum-segmentation',
  'tx-ipxip4-segmentation',
];

/** Arguments of ethtool -K. */
export const offloads: Readonly<
  Record<Offloads, Readonly<Record<'uplink' | 'workload', string[]>>>
> = {
  on: { uplink: set('on', all), workload: set('on', all) },
  wire: { uplink: [...set('off', ['tso', ...tunnels]), 'gro', 'on'], workload: set('on', all) },
  off: { uplink: set('off', all), workload: set('off', all) },
};

function set(state: 'on' | 'off', names: readonly string[]): string[] {
  return names.flatMap((name) => [name, state]);
}

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

const switches = ['rx', 'tx', 'tso', 'gso', 'gro'] as const;

/** One of the 32 settings of ethtool's five short names. */
export type Setting = Readonly<Record<(typeof switches)[number], boolean>>;

/** All of them, each one switch away from the one before (Gray code). */
export const settings: readonly Setting[] = Array.from({ length: 32 }, (_, place) => {
  const bits = place ^ (place >> 1);
  const isOn = (name: (typeof switches)[number]): boolean =>
    (bits & (1 << switches.indexOf(name))) !== 0;
  return { rx: isOn('rx'), tx: isOn('tx'), tso: isOn('tso'), gso: isOn('gso'), gro: isOn('gro') };
});

export const everythingOn: Setting = { rx: true, tx: true, tso: true, gso: true, gro: true };
export const everythingOff: Setting = { rx: false, tx: false, tso: false, gso: false, gro: false };

/** Arguments of ethtool -K; rx and tx first, for the kernel turns off with them what needs them. */
export function argumentsOf(setting: Setting): string[] {
  return switches.flatMap((name) => [name, setting[name] ? 'on' : 'off']);
}

function set(state: 'on' | 'off', names: readonly string[]): string[] {
  return names.flatMap((name) => [name, state]);
}

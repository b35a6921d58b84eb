import { EncapError } from '../errors.js';
import { runInside } from '../lab/namespace.js';
import type { Lab } from '../lab/state.js';

/** How much of a packet's work the underlay's interfaces do; names and states as `ethtool -K` takes them. */
export interface Underlay {
  readonly title: string;
  readonly features: Readonly<Record<string, 'on' | 'off'>>;
}

const tunnels = [
  'tx-udp_tnl-segmentation',
  'tx-udp_tnl-csum-segmentation',
  'tx-ipxip4-segmentation',
] as const;

export const underlays = {
  super: {
    title: 'super-packets of 64 KB cross, as between virtual machines of one host',
    features: { tso: 'on', gso: 'on', gro: 'off', ...all('on') },
  },
  wire: {
    title:
      'MTU-sized packets cross and are merged on arrival, as behind a NIC without tunnel offloads',
    features: { tso: 'off', gso: 'on', gro: 'on', ...all('off') },
  },
} as const satisfies Readonly<Record<string, Underlay>>;

export type UnderlayName = keyof typeof underlays;

export const underlayNames = Object.keys(underlays) as readonly UnderlayName[];

function all(state: 'on' | 'off'): Underlay['features'] {
  return Object.fromEntries(tunnels.map((name) => [name, state]));
}

/** What `ethtool -k` calls the short names of `-K`. */
const longNames: Readonly<Record<string, string>> = {
  tso: 'tcp-segmentation-offload',
  gso: 'generic-segmentation-offload',
  gro: 'generic-receive-offload',
};

/** Sets both ends of a lab's underlay so, and looks whether they are. */
export async function lay(lab: Lab, { features }: Underlay): Promise<void> {
  const words = Object.entries(features).flat();
  for (const { namespace } of lab.nodes) {
    const set = await runInside(namespace, ['ethtool', '-K', 'eth0', ...words]);
    const { stdout } = await runInside(namespace, ['ethtool', '-k', 'eth0']);
    const others = differences(features, stdout);
    if (others.length > 0)
      throw new EncapError(
        `cannot set the offloads of eth0 in ${namespace}: ${others.join(', ')}`,
        {
          code: 'LAB_FAILED',
          ...(set.stderr === '' ? {} : { why: set.stderr.trim() }),
          hint: 'apt install ethtool; the features of a veth pair: ethtool -k eth0',
        },
      );
  }
}

/** What `ethtool -k` says that is not as wanted. */
export function differences(features: Underlay['features'], said: string): readonly string[] {
  const states = new Map(
    [...said.matchAll(/^\s*([\w-]+): (on|off)/gm)].map(([, name = '', state = '']) => [
      name,
      state,
    ]),
  );
  return Object.entries(features).flatMap(([name, wanted]) => {
    const state = states.get(longNames[name] ?? name) ?? 'unknown';
    return state === wanted ? [] : [`${name} is ${state}, not ${wanted}`];
  });
}

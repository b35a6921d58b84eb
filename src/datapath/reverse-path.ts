import type { LinkState, Netlink } from 'libbpf-ts';
import type { KernelTunnels } from '../model/settings.js';
import type { Folders } from './folders.js';
import { isKernelTunnel } from './kernel-tunnel.js';
import { step, type Step } from './reconcile.js';
import { read } from './sysctl.js';
import { loose, reversePaths } from './tables/reverse-paths.js';
import type { Uplink } from './uplink.js';

/**
 * Beside a kernel tunnel, what comes out of a tunnel comes by the uplink or by the device, whatever the way back: a
 * strict reverse path filter would drop it, from the moment when our program is attached until the rules are there,
 * again whenever Felix makes its device anew, and whenever a route of its own leads back. So it is loose for as long as
 * there may be such a device.
 */
export function reversePathStep(
  netlink: Netlink,
  { run }: Pick<Folders, 'run'>,
  way: KernelTunnels,
  uplink: Pick<Uplink, 'name'>,
): Step {
  const table = reversePaths(netlink, run);
  const actual = table.entries();
  const wanted = way === 'leave' ? [] : strictOnes(netlink.links(), uplink, actual);
  return step(table, new Map(wanted.map((name) => [name, loose])), actual);
}

/** The uplink and the kernel tunnels, where they are strict, or were before us. */
function strictOnes(
  links: readonly LinkState[],
  uplink: Pick<Uplink, 'name'>,
  loosened: ReadonlyMap<string, number>,
): readonly string[] {
  const all = Number(read('ipv4/conf/all/rp_filter') ?? '0');
  return links
    .filter((link) => link.name === uplink.name || isKernelTunnel(link))
    .filter(
      ({ name, reversePathFilter }) =>
        loosened.has(name) || Math.max(all, reversePathFilter ?? 0) === strict,
    )
    .map(({ name }) => name);
}

/** RFC 3704 section 2.2. */
const strict = 1;

import type { Netlink } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import { cutterNames, wantedCutter } from './cutter.js';
import type { CutterEntry } from './entry.js';
import { reconcile, step, type Change, type Step } from './reconcile.js';
import type { RawMap } from './maps.js';
import { cutters } from './tables/cutters.js';
import type { Uplink } from './uplink.js';
import { interfaces } from './tables/interfaces.js';

/** What a round did for the cutter. */
export interface Cutter {
  readonly changes: readonly Change[];
  /** Interface indices of its ends; undefined: there is none, for this reason. */
  readonly ends: Pick<CutterEntry, 'in' | 'out'> | undefined;
  readonly missing: string | undefined;
}

/** Makes or repairs the cutter. All but what needs one works without, so that a refusal is told and not thrown. */
export function bringCutter(netlink: Netlink): Cutter {
  try {
    const changes = reconcile([cutterStep(netlink)]);
    const ends = endsOf(netlink);
    return { changes, ends, missing: ends === undefined ? 'someone took it away' : undefined };
  } catch (cause) {
    if (!(cause instanceof EncapError)) throw cause;
    return { changes: [], ends: undefined, missing: cause.why ?? cause.message };
  }
}

/** Indices of the cutter's ends, as they are now. */
export function endsOf(netlink: Netlink): Cutter['ends'] {
  const links = netlink.links();
  const [enter, leave] = [cutterNames.in, cutterNames.out].map(
    (name) => links.find((link) => link.name === name)?.index,
  );
  return enter === undefined || leave === undefined ? undefined : { in: enter, out: leave };
}

/** The way to what the programs have to know of it. */
export function cuttingStep(map: RawMap, { ends }: Cutter, uplink: Uplink): Step {
  const table = cutters(map);
  const desired = ends === undefined ? [] : [[0, { ...ends, uplink: uplink.index }] as const];
  return step(table, new Map(desired), table.entries());
}

/** The way from what is there to a cutter as it has to be. */
export function cutterStep(netlink: Netlink): Step {
  const table = interfaces(netlink);
  return step(table, new Map([[cutterNames.in, wantedCutter]]), table.entries());
}

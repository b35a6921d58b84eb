import type { LinkState, Netlink } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import type { Desired } from '../model/desired.js';
import type { Settings } from '../model/settings.js';
import { mergerName, wantedMerger } from './merger.js';
import { reconcile, step, type Change, type Step } from './reconcile.js';
import { mergers } from './tables/mergers.js';

/** What a round did so that received VXLAN packets are merged. */
export interface Merged {
  readonly changes: readonly Change[];
  /** The interface that merges them: ours, or another vxlan device on the port; undefined: none does. */
  readonly by: string | undefined;
  /** Why not, where it is wanted. */
  readonly missing: string | undefined;
}

type MergingSettings = Pick<Settings, 'receiveMerging' | 'vxlanPort'>;

/** How long a refused merger is not tried again, in milliseconds: each try is an event that would bring the next. */
const patience = 30_000;

/** Makes, repairs or removes the merger. All works without it, only slower, so that a refusal is told and not thrown. */
export class Merging {
  #refused: { readonly port: number; readonly why: string; readonly untilMs: number } | undefined;

  bring(netlink: Netlink, desired: Desired, settings: MergingSettings, nowMs: number): Merged {
    const isOn = isWanted(desired, settings);
    const { vxlanPort: port } = settings;
    const refused = this.#refused;
    const other = isOn ? otherOn(port, netlink.links()) : undefined;
    if (isOn && other === undefined && refused?.port === port && nowMs < refused.untilMs)
      return { changes: [], by: undefined, missing: refused.why };
    try {
      const changes = reconcile([mergerStep(netlink, desired, settings)]);
      this.#refused = undefined;
      if (other !== undefined) return { changes, ...mergedBy(other) };
      return { changes, by: isOn ? mergerName : undefined, missing: undefined };
    } catch (cause) {
      if (!(cause instanceof EncapError)) throw cause;
      const why = cause.why ?? cause.message;
      const untilMs = cause.code === 'FEATURE_MISSING' ? Infinity : nowMs + patience;
      this.#refused = { port, why, untilMs };
      return { changes: [], by: undefined, missing: why };
    }
  }
}

/** The way from what is there to the merger that there should be, or to none. */
export function mergerStep(netlink: Netlink, desired: Desired, settings: MergingSettings): Step {
  const table = mergers(netlink);
  const { vxlanPort: port } = settings;
  const isOurs = isWanted(desired, settings) && otherOn(port, netlink.links()) === undefined;
  const wanted = isOurs ? [[mergerName, wantedMerger(settings.vxlanPort)] as const] : [];
  return step(table, new Map(wanted), table.entries());
}

/** Two can't have the port, and one that is there for its packets goes first: Felix makes its device whenever it is told to. */
function otherOn(port: number, links: readonly LinkState[]): LinkState | undefined {
  return links.find(({ name, vxlan }) => name !== mergerName && vxlan?.port === port);
}

/** Its socket has them merged as ours would, while it is up. */
function mergedBy({ name, up }: LinkState): Pick<Merged, 'by' | 'missing'> {
  return up
    ? { by: name, missing: undefined }
    : { by: undefined, missing: `${name}, which is down, has the UDP port` };
}

/** IP-in-IP is merged by the kernel without being asked. */
function isWanted({ policies }: Desired, { receiveMerging }: MergingSettings): boolean {
  const usesVxlan = [...policies.values()].some(({ accepted }) => accepted.includes('vxlan'));
  return receiveMerging === 'auto' && usesVxlan;
}

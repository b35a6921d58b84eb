import type { Netlink } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import type { Desired } from '../model/desired.js';
import type { Settings } from '../model/settings.js';
import { mergerName, wantedMerger } from './merger.js';
import { reconcile, step, type Change, type Step } from './reconcile.js';
import { mergers } from './tables/mergers.js';

/** What a round did so that received VXLAN packets are merged. */
export interface Merged {
  readonly changes: readonly Change[];
  /** Whether they are. */
  readonly isOn: boolean;
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
    if (isOn && refused?.port === port && nowMs < refused.untilMs)
      return { changes: [], isOn: false, missing: refused.why };
    try {
      const changes = reconcile([mergerStep(netlink, desired, settings)]);
      this.#refused = undefined;
      return { changes, isOn, missing: undefined };
    } catch (cause) {
      if (!(cause instanceof EncapError)) throw cause;
      const why = cause.why ?? cause.message;
      const untilMs = cause.code === 'FEATURE_MISSING' ? Infinity : nowMs + patience;
      this.#refused = { port, why, untilMs };
      return { changes: [], isOn: false, missing: why };
    }
  }
}

/** The way from what is there to the merger that there should be, or to none. */
export function mergerStep(netlink: Netlink, desired: Desired, settings: MergingSettings): Step {
  const table = mergers(netlink);
  const wanted = isWanted(desired, settings)
    ? [[mergerName, wantedMerger(settings.vxlanPort)] as const]
    : [];
  return step(table, new Map(wanted), table.entries());
}

/** IP-in-IP is merged by the kernel without being asked. */
function isWanted({ policies }: Desired, { receiveMerging }: MergingSettings): boolean {
  const usesVxlan = [...policies.values()].some(({ accepted }) => accepted.includes('vxlan'));
  return receiveMerging === 'auto' && usesVxlan;
}

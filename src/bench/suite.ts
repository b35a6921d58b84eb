import { loadNames, type LoadName } from './load.js';
import type { RulesName } from './rules.js';
import { underlayNames, type UnderlayName } from './underlay.js';
import { variantNames, type VariantName } from './variant.js';

/** What a run measures. */
export interface Suite {
  readonly title: string;
  readonly underlays: readonly UnderlayName[];
  readonly loads: readonly LoadName[];
  readonly variants: readonly VariantName[];
  readonly rules: RulesName;
  readonly rounds: number;
  /** Of each measurement. */
  readonly seconds: number;
}

export const suites = {
  default: {
    title: 'everything; for figures that are to be shown to others',
    underlays: underlayNames,
    loads: loadNames,
    variants: variantNames,
    rules: 'calico',
    rounds: 15,
    seconds: 3,
  },
  short: {
    title: 'the loads that differ most, a second each: whether it works, and a first impression',
    underlays: underlayNames,
    loads: ['tcp-1', 'udp-64-answered', 'rr'],
    variants: ['direct', 'kernel-vxlan', 'encapd-vxlan', 'encapd-vxlan-guarded'],
    rules: 'calico',
    rounds: 3,
    seconds: 1,
  },
} as const satisfies Readonly<Record<string, Suite>>;

export type SuiteName = keyof typeof suites;

export const suiteNames = Object.keys(suites) as readonly SuiteName[];

/** A suite of another kind, with a room and a result of its own (scale/). */
export const scaleName = 'scale';
export const scaleTitle = 'how maps and agent grow with the number of blocks, up to a million';

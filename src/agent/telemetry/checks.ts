import { silence, type Vitals } from '../vitals.js';

/** What an agent can find wrong, each with a name that stays: `encap status` calls the node DEGRADED for these. */
export const checks = ['rounds', 'source', 'programs', 'pools', 'network', 'state'] as const;

export type Check = (typeof checks)[number];

/** What a node can do without, at a price: notes of `encap status`. */
export const extras = ['cutter', 'merging', 'fast_path'] as const;

export type Extra = (typeof extras)[number];

/** What is wrong now, in words; a check that is not there found nothing. */
export function findings(
  vitals: Pick<Vitals, 'round' | 'failure' | 'source' | 'unwritten'>,
  isIntact: boolean,
): ReadonlyMap<Check, readonly string[]> {
  const { round, failure, source, unwritten } = vitals;
  const found: Readonly<Record<Check, readonly string[]>> = {
    rounds: failure === undefined ? [] : [failure],
    source: source.isUp ? [] : silence(source),
    programs: isIntact ? [] : ['programs or pins are not where they belong'],
    pools: [...(round?.notCarried.values() ?? [])].map(({ message }) => message),
    network: (round?.faults ?? []).map(({ message }) => message),
    state: unwritten === undefined ? [] : [unwritten],
  };
  return new Map(
    checks.map((check) => [check, found[check]] as const).filter(([, words]) => words.length > 0),
  );
}

/** What is missing, of all that this node should have beside. */
export function missingExtras({ round }: Pick<Vitals, 'round'>): readonly Extra[] {
  const { cutter, merging, fastPath } = round ?? {};
  const found = { cutter, merging, fast_path: fastPath };
  return extras.filter((extra) => found[extra]?.missing !== undefined);
}

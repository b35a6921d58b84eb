import type { Vitals } from '../vitals.js';

/** What an agent can find wrong, each with a name that stays. */
export const checks = [
  'rounds',
  'source',
  'programs',
  'pools',
  'network',
  'cutter',
  'merging',
  'fast_path',
] as const;

export type Check = (typeof checks)[number];

/** What is wrong now, in words; a check that is not there found nothing. */
export function findings(
  { round, failure, source }: Pick<Vitals, 'round' | 'failure' | 'source'>,
  isIntact: boolean,
): ReadonlyMap<Check, readonly string[]> {
  const found: readonly (readonly [Check, readonly (string | undefined)[]])[] = [
    ['rounds', [failure]],
    ['source', [source.isUp ? undefined : `${source.name} gave no whole world`]],
    ['programs', [isIntact ? undefined : 'programs or pins are not where they belong']],
    ['pools', [...(round?.notCarried.values() ?? [])].map(({ message }) => message)],
    ['network', (round?.faults ?? []).map(({ message }) => message)],
    ['cutter', [round?.cutter.missing]],
    ['merging', [round?.merging.missing]],
    ['fast_path', [round?.fastPath.missing]],
  ];
  return new Map(
    found
      .map(([check, words]) => [check, words.filter((word) => word !== undefined)] as const)
      .filter(([, words]) => words.length > 0),
  );
}

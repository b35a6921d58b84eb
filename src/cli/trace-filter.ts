import type { TraceFilter } from '../datapath/trace.js';
import { wordOf, type VerdictNames } from '../datapath/traffic.js';
import { EncapError } from '../errors.js';
import { isOfWord } from './decision-word.js';
import { didYouMean } from './suggest.js';
import type { FilterOptions } from './trace-words.js';

/** The filter that words ask for; a verdict that there is none of is refused. */
export async function filterOf(
  options: FilterOptions,
  names: VerdictNames,
): Promise<Omit<TraceFilter, 'rate' | 'snapBytes'>> {
  const { from, to, host, proto, port, direction, drops = false } = options;
  return {
    verdicts: await verdictsOf({ ...options, drops }, names),
    directions: direction === undefined ? ['egress', 'ingress'] : [direction],
    ...(from === undefined ? {} : { source: from }),
    ...(to === undefined ? {} : { destination: to }),
    ...(host === undefined ? {} : { either: host }),
    ...(proto === undefined ? {} : { protocol: proto }),
    ...(port === undefined ? {} : { port }),
  };
}

async function verdictsOf(
  { decision, drops, reason }: Pick<FilterOptions, 'decision' | 'reason' | 'drops'>,
  names: VerdictNames,
): Promise<readonly string[]> {
  const known = Object.values(names).filter((name) => !noVerdicts.includes(name));
  const words = reason.map((word) => word.toLowerCase());
  for (const [place, word] of words.entries())
    if (!known.some((name) => wordOf(name) === word || name.toLowerCase() === word))
      throw new EncapError(`cannot filter by ${reason[place] ?? ''}: there is no such verdict`, {
        code: 'USAGE',
        hint: await didYouMean(word, known.map(wordOf), 'encap map dump verdicts'),
      });
  const wanted = [...decision, ...(drops === true ? (['drop'] as const) : [])];
  if (words.length === 0 && wanted.length === 0)
    return known.filter((name) => !isOfWord(name, 'pass'));
  return known.filter(
    (name) =>
      words.some((word) => wordOf(name) === word || name.toLowerCase() === word) ||
      wanted.some((word) => isOfWord(name, word)),
  );
}

/** Of enum verdict, but never told. */
const noVerdicts = ['UNDECIDED', 'VERDICT_COUNT'];

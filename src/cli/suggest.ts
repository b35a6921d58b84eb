/** A next step for a mistyped word: the nearest known one, else where the list is. */
export async function didYouMean(
  word: string,
  known: readonly string[],
  list: string,
): Promise<string> {
  const { distance } = await import('fastest-levenshtein');
  const typed = word.toLowerCase();
  const [nearest] = known
    .map((one) => ({ one, steps: distance(typed, one.toLowerCase()) }))
    .filter(
      ({ one, steps }) => steps <= Math.max(1, Math.floor(one.length / 3)) || one.startsWith(typed),
    )
    .sort((a, b) => a.steps - b.steps);
  return nearest === undefined
    ? `see \`${list}\``
    : `did you mean ${nearest.one}? \`${list}\` lists all`;
}

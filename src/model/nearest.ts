import { distance } from 'fastest-levenshtein';

/** `; did you mean CrossSubnet?`, or nothing where no word is near. */
export function didYouMean(word: string, words: readonly string[]): string {
  const near = nearest(word, words);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

/** The word that was probably meant: at most a third of its letters are wrong, case aside. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const ranked = words
    .map((one) => ({ one, far: distance(lower, one.toLowerCase()) }))
    .filter(({ one, far }) => far <= Math.max(1, Math.floor(one.length / 3)))
    .sort((a, b) => a.far - b.far);
  return ranked[0]?.one;
}

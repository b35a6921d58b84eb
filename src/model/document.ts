import type { Path, Problem, Spot } from './problem.js';

/** One resource as written: a plain value, and where each of its members stands. */
export interface Document {
  readonly file: string;
  /** Members that are null are left out: the API reads them as absent. */
  readonly value: unknown;
  /** Where the resource lies in what the file holds: [] or, in a List, ['items', 3]. */
  readonly base: Path;
  /** The place of a member (path below this resource); of the nearest enclosing one where it is absent. */
  readonly spot: (path: Path) => Spot;
  /** The place of a member's name. */
  readonly keySpot: (path: Path) => Spot;
}

/** What a set of files holds. Lists are taken apart: each item is a document of its own. */
export interface Documents {
  readonly files: readonly string[];
  readonly documents: readonly Document[];
  /** What could not be read as documents: bad YAML, no text, too large. */
  readonly problems: readonly Problem[];
}

/** Documents of several sets as one. */
export function together(sets: readonly Documents[]): Documents {
  return {
    files: sets.flatMap((set) => set.files),
    documents: sets.flatMap((set) => set.documents),
    problems: sets.flatMap((set) => set.problems),
  };
}

/** Kubernetes reads `member: null` as absent; null elements of arrays stay (a block's free addresses). */
export function withoutNulls(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value))
    return value.map((element: unknown) => (element === null ? null : withoutNulls(element)));
  if (typeof value !== 'object') return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([key, member]) => [key, withoutNulls(member)]));
}

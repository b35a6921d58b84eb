/** Way to a member of a document: `['spec', 'pools', 0, 'cidr']`. */
export type Path = readonly (string | number)[];

/** error: Calico's API would refuse it. warning: it works, but not as one may think. */
export type Severity = 'error' | 'warning';

/** Where in which file a value stands. Lines and columns count from 1; in a datastore there are none. */
export interface Spot {
  /** A path; of a datastore the place of one resource there, `etcd:/calico/ipam/v2/assignment/ipv4/block/10.1.0.0-26`. */
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  /** The line's text, and how many of its characters from `column` on are meant. */
  readonly excerpt?: { readonly text: string; readonly length: number };
}

/** Something that a person should change in a file, or know of. */
export interface Problem extends Spot {
  readonly severity: Severity;
  /** `spec.vxlanMode`; empty for a whole document. */
  readonly path: string;
  readonly message: string;
}

/** A path as people write it: `items[2].spec.cidr`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const plain = /^[A-Za-z_][\w-]*$/.test(step);
    if (!plain) return `${text}[${JSON.stringify(step)}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

/** Problems as a reader meets them: file by file, from top to bottom. */
export function inReadingOrder(problems: readonly Problem[], files: readonly string[]): Problem[] {
  const rank = new Map(files.map((file, index) => [file, index]));
  const at = (problem: Problem): number => rank.get(problem.file) ?? files.length;
  return [...problems].sort(
    (a, b) =>
      at(a) - at(b) ||
      compare(a.file, b.file) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0) ||
      compare(a.message, b.message),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

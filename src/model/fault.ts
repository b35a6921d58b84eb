/** Something that is wrong with a node, and what to do about it. */
export interface Fault {
  /** A few words for `--brief`. */
  readonly short: string;
  readonly message: string;
  readonly hint: string;
}

/** All in milliseconds. */
export interface Timing {
  /** An answer, whole: a page of a list. */
  readonly answerMs: number;
  /** Until a watch is open. */
  readonly openMs: number;
  /** Nothing came for so long: is the server still there? */
  readonly silenceMs: number;
  /** How long the server may take to say so. */
  readonly signMs: number;
  /** How often it is asked which kinds it serves, and where its history is. */
  readonly discoveryMs: number;
  /** A watch ends after so long, and half as long again at most: then another server has its turn. */
  readonly watchMs: number;
}

/** A connection that leads nowhere is found within 28 seconds: two silences and a sign of life that does not come. */
export const defaultTiming: Timing = {
  answerMs: 60_000,
  openMs: 15_000,
  silenceMs: 10_000,
  signMs: 8000,
  discoveryMs: 300_000,
  watchMs: 300_000,
};

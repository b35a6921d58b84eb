import type { Scene } from './scene.js';

/** A fault that a lab can be given: made in one place, seen in another, and taken back. */
export interface Break {
  readonly name: string;
  /** What it stands for, in a line. */
  readonly title: string;
  /** encapd puts it right by itself, within a second. */
  readonly isRepaired?: boolean;
  /** What it can't do without. */
  readonly needs?: 'two-subnets' | 'vxlan';
  readonly apply: (scene: Scene) => Promise<void>;
  readonly mend: (scene: Scene) => Promise<void>;
  /** In the order in which one looks. */
  readonly observe: (scene: Scene) => readonly Observation[];
  /** What one does about it where it was not made on purpose. */
  readonly cure: (scene: Scene) => string;
}

/** A command, and what it says while the fault is there. */
export interface Observation {
  /** Words behind `encap`. */
  readonly run: readonly string[];
  /** A regular expression that what it prints matches. */
  readonly shows: string;
  readonly meaning: string;
  /** How it ends; default: 0. */
  readonly exit?: number;
}

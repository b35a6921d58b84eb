import type { Spot } from './problem.js';

/** Who had the last word on a setting. */
export type Origin =
  /** A word of the command line (`--node`), or a variable of the environment (`FELIX_VXLANVNI`). */
  | { readonly from: 'option' | 'variable'; readonly name: string }
  /** `NodeConfig`, `FelixConfiguration node.node-a`, `Node node-a`; the member as its path there. */
  | {
      readonly from: 'resource';
      readonly resource: string;
      readonly member: string;
      readonly spot: Spot;
    }
  /** Found on this machine: its host name, a file that is where such files are. */
  | { readonly from: 'machine'; readonly what: string }
  | { readonly from: 'default' };

/** A value, and who said it. */
export interface Said<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** One effective setting, by the name that it has in a NodeConfig or a FelixConfiguration. */
export interface Setting {
  readonly name: string;
  /** undefined: nobody set it, and there is no default either. */
  readonly value: unknown;
  readonly origin: Origin;
}

/** What an option of the command line says; undefined: it was not given. */
export function byOption<T>(name: string, value: T | undefined): Said<T> | undefined {
  return value === undefined ? undefined : { value, origin: { from: 'option', name } };
}

/** The first of some variables that is set to something. */
export function byVariable(
  environment: Readonly<Record<string, string | undefined>>,
  ...names: readonly string[]
): Said<string> | undefined {
  for (const name of names) {
    const value = environment[name];
    if (value !== undefined && value !== '') return { value, origin: { from: 'variable', name } };
  }
  return undefined;
}

export function byDefault<T>(value: T): Said<T> {
  return { value, origin: { from: 'default' } };
}

/** Another value from the same mouth. */
export function mapped<T, U>({ value, origin }: Said<T>, to: (value: T) => U): Said<U> {
  return { value: to(value), origin };
}

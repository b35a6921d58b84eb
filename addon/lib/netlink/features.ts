import { booleanField, textField } from './field.js';
import type { RawFeature } from './native.js';

/** One of an interface's features. */
export interface LinkFeature {
  readonly active: boolean;
  /** Not fixed by the driver or the kernel. */
  readonly changeable: boolean;
}

/** ETH_GSTRING_LEN, with its NUL. */
const nameBytes = 32;

export function featuresOf(items: readonly RawFeature[]): ReadonlyMap<string, LinkFeature> {
  return new Map(items.map(({ name, active, changeable }) => [name, { active, changeable }]));
}

/** Checked pairs for the kernel. */
export function featureFields(
  wanted: ReadonlyMap<string, boolean>,
): readonly (readonly [string, boolean])[] {
  if (!(wanted instanceof Map)) throw new TypeError('wanted must be a Map of names and booleans');
  return [...(wanted as ReadonlyMap<string, boolean>)].map(([name, active]) => [
    textField(name, 'the name of a feature', nameBytes - 1),
    booleanField(active, name),
  ]);
}

/** Those that are not as wanted: `name on`. */
export function unlike(
  features: ReadonlyMap<string, LinkFeature>,
  wanted: readonly (readonly [string, boolean])[],
): readonly string[] {
  return wanted
    .filter(([name, active]) => features.get(name)?.active !== active)
    .map(([name, active]) => `${name} ${active ? 'on' : 'off'}`);
}

import picocolors from 'picocolors';

/** Colours, or their absence. */
export type Paint = ReturnType<typeof picocolors.createColors>;

export const colorWhens = ['auto', 'always', 'never'] as const;

export type ColorWhen = (typeof colorWhens)[number];

/** Colours for one stream: the option wins over NO_COLOR, that over FORCE_COLOR, that over what the stream is. */
export function paintFor(
  stream: { readonly isTTY?: boolean },
  env: NodeJS.ProcessEnv,
  when: ColorWhen = 'auto',
): Paint {
  return picocolors.createColors(coloured(stream.isTTY === true, env, when));
}

/** https://no-color.org: set and not empty means no. */
function coloured(isTerminal: boolean, env: NodeJS.ProcessEnv, when: ColorWhen): boolean {
  if (when !== 'auto') return when === 'always';
  if (isSet(env.NO_COLOR)) return false;
  if (isSet(env.FORCE_COLOR)) return env.FORCE_COLOR !== '0';
  return isTerminal && env.TERM !== 'dumb';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

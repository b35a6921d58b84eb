import { EncapError } from '../errors.js';
import { type FelixSpec, felixSpec } from './resources/felix-configuration.js';
import type { Environment } from './environment.js';

type Read = (text: string) => unknown;

/** Felix' own names of its parameters (its environment is case-insensitive), and the members of FelixConfiguration that they are. */
const parameters: Readonly<Record<string, readonly [keyof FelixSpec, Read]>> = {
  ipinipenabled: ['ipipEnabled', truth],
  vxlanenabled: ['vxlanEnabled', truth],
  vxlanport: ['vxlanPort', whole],
  vxlanvni: ['vxlanVNI', whole],
  vxlanmtu: ['vxlanMTU', whole],
  vxlanmtuv6: ['vxlanMTUV6', whole],
  ipinipmtu: ['ipipMTU', whole],
  ipv6support: ['ipv6Support', truth],
  externalnodescidrlist: ['externalNodesList', list],
  allowvxlanpacketsfromworkloads: ['allowVXLANPacketsFromWorkloads', truth],
  allowipippacketsfromworkloads: ['allowIPIPPacketsFromWorkloads', truth],
  routesource: ['routeSource', word],
  programclusterroutes: [
    'programClusterRoutes',
    (text) => wordOf(text, ['Enabled', 'Disabled', 'EnabledIPIPOnly', 'EnabledNoEncapOnly']),
  ],
};

/**
 * What FELIX_* say: they win over every FelixConfiguration, and of two for one parameter the later counts. Variables of
 * other parameters are not looked at.
 */
export function felixVariables(
  environment: Environment,
): readonly { readonly name: string; readonly spec: FelixSpec }[] {
  return Object.entries(environment).flatMap(([name, text]) => {
    const parameter = /^felix_(.+)$/i.exec(name)?.[1]?.toLowerCase();
    const [member, read] = (parameter === undefined ? undefined : parameters[parameter]) ?? [];
    // `none` is Felix' word for "as if it were not set".
    if (
      member === undefined ||
      read === undefined ||
      text === undefined ||
      /^(?:none)?$/i.test(text)
    )
      return [];
    const parsed = felixSpec.safeParse({ [member]: read(text) }, { reportInput: true });
    if (parsed.success) return [{ name, spec: parsed.data }];
    throw new EncapError(
      `cannot read ${name}=${text}: CONFIG_INVALID: ${parsed.error.issues[0]?.message ?? 'not a value'}`,
      {
        code: 'CONFIG_INVALID',
        why: `Felix takes it for ${member}`,
        hint: `correct ${name}, or unset it`,
      },
    );
  });
}

/** Felix' words for truth. */
function truth(text: string): unknown {
  const lower = text.toLowerCase();
  if (['true', '1', 'yes', 'y', 't'].includes(lower)) return true;
  return ['false', '0', 'no', 'n', 'f'].includes(lower) ? false : text;
}

/** Decimal, or hexadecimal as Go's strconv reads it with base 0. */
function whole(text: string): unknown {
  return /^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : text;
}

function list(text: string): unknown {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function word(text: string): unknown {
  return text;
}

function wordOf(text: string, words: readonly string[]): unknown {
  return words.find((one) => one.toLowerCase() === text.toLowerCase()) ?? text;
}

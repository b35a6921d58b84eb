import type { Route } from '../model/desired.js';
import { familyOf } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import type { Decision } from './decide.js';
import { leastIpv6Mtu } from './mtu.js';
import type { Warning } from './warning.js';

/** What does not fit an underlay of this MTU. */
export function fitWarnings(
  { desired, trace }: Pick<Decision, 'desired' | 'trace'>,
  underlayMtu: number,
): readonly Warning[] {
  return [...desired.routes].flatMap(([cidr, route]) => {
    const message = misfit(cidr, route, underlayMtu);
    const name = trace.overlays.match(cidr)?.value.pool.name;
    return message === undefined || name === undefined
      ? []
      : [{ subject: `IPPool ${name}`, message }];
  });
}

function misfit(
  cidr: Cidr,
  { mtu, overheadBytes }: Route,
  underlayMtu: number,
): string | undefined {
  const room = underlayMtu - overheadBytes;
  if (mtu > room)
    return `FelixConfiguration sets an MTU of ${mtu}: with ${overheadBytes} bytes of outer headers that does not fit the underlay's ${underlayMtu}; set ${room} or less`;
  if (familyOf(cidr) === 'ipv6' && mtu === 0 && room < leastIpv6Mtu)
    return `the underlay's ${underlayMtu} leaves ${room} bytes, and IPv6 sends packets of ${leastIpv6Mtu} all the same (RFC 8200 section 5): give it an MTU of ${leastIpv6Mtu + overheadBytes} or more`;
  return undefined;
}

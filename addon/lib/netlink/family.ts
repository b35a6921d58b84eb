/** Of addresses, routes and neighbours. */
export type Family = 'ipv4' | 'ipv6';

/** AF_INET and AF_INET6. */
export const familyNumbers: Readonly<Record<Family, number>> = { ipv4: 2, ipv6: 10 };

export const families = ['ipv4', 'ipv6'] as const satisfies readonly Family[];

/** The family of a number that the native half lets through. */
export function familyName(number: number): Family {
  return number === familyNumbers.ipv4 ? 'ipv4' : 'ipv6';
}

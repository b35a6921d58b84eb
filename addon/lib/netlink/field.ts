import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { Family } from './family.js';

/** TypeError unless the value is an object; `what` is how messages call it. */
export function objectField(value: unknown, what: string): void {
  if (typeof value !== 'object' || value === null)
    throw new TypeError(`${what} must be an object, not ${shown(value)}`);
}

/** A whole number within bounds. */
export function integerField(value: unknown, what: string, least: number, most: number): number {
  if (typeof value !== 'number')
    throw new TypeError(`${what} must be a number, not ${shown(value)}`);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`${what} must be a whole number from ${least} to ${most}, not ${value}`);
  return value;
}

/** An interface index: the kernel's are positive and signed. */
export function indexField(value: unknown, what: string): number {
  return integerField(value, what, 1, 0x7fffffff);
}

export function booleanField(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean')
    throw new TypeError(`${what} must be a boolean, not ${shown(value)}`);
  return value;
}

/** One of the names. */
export function nameField<Name extends string>(
  value: unknown,
  what: string,
  names: readonly Name[],
): Name {
  const name = names.find((candidate) => candidate === value);
  if (name === undefined)
    throw new TypeError(`${what} must be one of ${names.join(', ')}, not ${shown(value)}`);
  return name;
}

/** Text without NUL, of as many bytes as the kernel takes. */
export function textField(value: unknown, what: string, mostBytes: number): string {
  if (typeof value !== 'string')
    throw new TypeError(`${what} must be a string, not ${shown(value)}`);
  if (value.includes('\0')) throw new TypeError(`${what} must not hold NUL`);
  if (Buffer.byteLength(value) > mostBytes)
    throw new RangeError(`${what} must have ${mostBytes} bytes at most`);
  return value;
}

/** An address in canonical text, and its family; a zone is refused, because the index says it. */
export function addressField(
  value: unknown,
  what: string,
  wanted?: Family,
): { family: Family; text: string } {
  if (typeof value !== 'string')
    throw new TypeError(`${what} must be a string, not ${shown(value)}`);
  const family = familyOf(value);
  if (family === undefined || (wanted !== undefined && family !== wanted))
    throw new TypeError(
      `${what} must be an ${wanted ?? 'IPv4 or IPv6'} address, not ${shown(value)}`,
    );
  return { family, text: new SocketAddress({ address: value, family }).address };
}

/** A CIDR: canonical address and prefix length. Host bits are the native half's to refuse. */
export function cidrField(
  value: unknown,
  what: string,
): { family: Family; text: string; prefixLength: number } {
  if (typeof value !== 'string')
    throw new TypeError(`${what} must be a string, not ${shown(value)}`);
  const [address = '', length = '', ...more] = value.split('/');
  if (familyOf(address) === undefined || !/^\d{1,3}$/.test(length) || more.length > 0)
    throw new TypeError(`${what} must be a CIDR such as 10.0.0.0/24, not ${shown(value)}`);
  const { family, text } = addressField(address, what);
  const most = family === 'ipv4' ? 32 : 128;
  const prefixLength = integerField(Number(length), `the prefix length of ${what}`, 0, most);
  return { family, text, prefixLength };
}

/** A MAC in canonical text. */
export function macField(value: unknown, what: string): string {
  if (typeof value !== 'string')
    throw new TypeError(`${what} must be a string, not ${shown(value)}`);
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(value))
    throw new TypeError(`${what} must be a MAC such as 02:00:5e:10:00:01, not ${shown(value)}`);
  return value.toLowerCase();
}

function familyOf(text: string): Family | undefined {
  if (isIPv4(text)) return 'ipv4';
  return isIPv6(text) && !text.includes('%') ? 'ipv6' : undefined;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value === null ? 'null' : typeof value;
}

import { familyOf, readAddress, type Brand } from './address.js';

/** Canonical text of where a TCP port is: 127.0.0.1:9475, [::1]:9475. */
export type SocketAddress = Brand<string, 'SocketAddress'>;

/** An address and a port as someone wrote them; port 0 is any free one. undefined where it is no such thing. */
export function readSocketAddress(text: string): SocketAddress | undefined {
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const address = readAddress(bracketed ?? plain ?? '');
  if (address === undefined || Number(digits) > 65535) return undefined;
  const isIpv6 = familyOf(address) === 'ipv6';
  if (isIpv6 !== (bracketed !== undefined)) return undefined;
  return (
    isIpv6 ? `[${address}]:${Number(digits)}` : `${address}:${Number(digits)}`
  ) as SocketAddress;
}

/** Its parts, as a server is told to listen. */
export function partsOf(where: SocketAddress): { readonly host: string; readonly port: number } {
  const colon = where.lastIndexOf(':');
  return {
    host: where.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(where.slice(colon + 1)),
  };
}

/** Only this machine itself can reach it. */
export function isLoopback(where: SocketAddress): boolean {
  const { host } = partsOf(where);
  return host === '::1' || host.startsWith('127.') || host.startsWith('::ffff:127.');
}

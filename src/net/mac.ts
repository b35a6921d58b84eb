import type { Brand } from './address.js';

/** Six lower-case hexadecimal octets with colons. */
export type Mac = Brand<string, 'Mac'>;

/** A MAC as someone wrote it (colons or dashes, any case) in canonical text; undefined where it is none. */
export function readMac(text: string): Mac | undefined {
  const canonical = text.toLowerCase().replaceAll('-', ':');
  return /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(canonical) ? (canonical as Mac) : undefined;
}

/** Six bytes → canonical text. */
export function macFromBytes(bytes: Uint8Array): Mac {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':') as Mac;
}

export function macToBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16));
}

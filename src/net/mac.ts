import type { Brand } from './address.js';

/** Six lower-case hexadecimal octets with colons. */
export type Mac = Brand<string, 'Mac'>;

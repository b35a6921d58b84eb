import type { Brand } from './address.js';

/** Canonical text of a prefix without host bits: `10.0.0.0/24`. */
export type Cidr = Brand<string, 'Cidr'>;

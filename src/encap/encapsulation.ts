import type { Family } from '../net/address.js';

/** What the rest of the program must know of an encapsulation. */
export interface Encapsulation {
  readonly name: string;
  /** Bytes that the outer headers add in front of the inner IP header, by underlay family. */
  readonly overheadBytes: Readonly<Record<Family, number>>;
  readonly carriesEthernet: boolean;
}

import type { Family } from '../net/address.js';

/** What the rest of the program must know of an encapsulation. */
export interface Encapsulation {
  readonly name: string;
  /** Families of the packets that it carries. */
  readonly inner: readonly Family[];
  /** Families of the outer headers that it can have. */
  readonly underlays: readonly Family[];
  /** Bytes that the outer headers add in front of the inner IP header, by underlay family. */
  readonly overheadBytes: Readonly<Record<Family, number>>;
  readonly carriesEthernet: boolean;
}

import type { Cidr } from '../../src/net/cidr.js';
import type { Dut, Origin } from './dut.js';
import type { Packet } from './packet.js';

/** One way out of a program: the packet that takes it, and what must be in the tables. */
export interface Exit {
  readonly verdict: string;
  readonly title: string;
  readonly packet: Packet | Uint8Array;
  readonly origin?: Origin;
  /** Changes tables for this packet only. */
  readonly given?: (dut: Dut) => void;
}

/** Writes a table past its codec: values that this user space would never write. */
export function poke(table: string, key: number, value: Uint8Array): (dut: Dut) => void {
  return ({ object }) => {
    object.map(table).set(new Uint8Array(new Uint32Array([key]).buffer), value);
  };
}

/** Writes one block. */
export function block(cidr: string, peer: number, policy: number): (dut: Dut) => void {
  return ({ tables }) => {
    tables.blocks.set(cidr as Cidr, { peer, policy });
  };
}

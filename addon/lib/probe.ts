import { endianness } from 'node:os';

/** Programs so small that they are written as instructions (linux/bpf.h): probes need no compiler. */
interface Instruction {
  readonly code: number;
  readonly to?: number;
  readonly value?: number;
}

const little = endianness() === 'LE';
const moveImmediate = 0xb7;
const loadImmediate64 = 0x18;
const call = 0x85;
const exit = 0x95;
const BPF_FUNC_skb_adjust_room = 50;
const BPF_ADJ_ROOM_MAC = 1;

/** Returns 0. */
export const passProgram: Uint8Array = assemble([
  { code: moveImmediate, to: 0, value: 0 },
  { code: exit },
]);

const encapL3Ipv4 = 1n << 1n;
const encapL4 = (1n << 3n) | (1n << 4n);
const encapL2Eth = 1n << 6n;
const firstDecap = 7n;

/** Returns what bpf_skb_adjust_room() answers to one BPF_F_ADJ_ROOM_* flag, given with those that it depends on. */
export function adjustRoomProgram(flag: number): Uint8Array {
  if (!Number.isInteger(flag) || flag < 1 || flag > 0xffffffff)
    throw new RangeError(`a BPF_F_ADJ_ROOM_* flag is an integer of 32 bits, not ${flag}`);
  const bits = BigInt(flag);
  const flags = bits | companions(bits);
  const grow = bits >> firstDecap === 0n;
  return assemble([
    // No flag may take less than the headers that it names: IPv4 and UDP, or IPv6.
    { code: moveImmediate, to: 2, value: grow ? 50 : -50 },
    { code: moveImmediate, to: 3, value: BPF_ADJ_ROOM_MAC },
    { code: loadImmediate64, to: 4, value: Number(flags & 0xffffffffn) },
    { code: 0, value: Number(flags >> 32n) },
    { code: call, value: BPF_FUNC_skb_adjust_room },
    { code: exit },
  ]);
}

/** An L4 flag needs its L3, an inner Ethernet header needs its length (bits 56 to 63) and both. */
function companions(flag: bigint): bigint {
  if ((flag & encapL2Eth) !== 0n) return encapL3Ipv4 | (1n << 4n) | (14n << 56n);
  return (flag & encapL4) === 0n ? 0n : encapL3Ipv4;
}

/** Ethernet, IPv4 in IPv4, zeros: long enough to lose 50 bytes. */
export const adjustRoomPacket: Uint8Array = packet();

function packet(): Uint8Array {
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, 0x0800);
  for (const [start, length] of [
    [14, 114],
    [34, 94],
  ] as const) {
    bytes[start] = 0x45;
    view.setUint16(start + 2, length);
    bytes[start + 8] = 64;
    bytes[start + 9] = start === 14 ? 4 : 17;
  }
  return bytes;
}

function assemble(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  instructions.forEach(({ code, to = 0, value = 0 }, index) => {
    view.setUint8(index * 8, code);
    view.setUint8(index * 8 + 1, little ? to : to << 4);
    view.setInt32(index * 8 + 4, value | 0, little);
  });
  return bytes;
}

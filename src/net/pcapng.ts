// pcapng (draft-ietf-opsawg-pcapng): blocks of type, length, body, length; all numbers as this machine has them.

const blocks = { section: 0x0a0d0d0a, interface: 1, enhancedPacket: 6 } as const;
const options = { end: 0, comment: 1, name: 2, flags: 2, resolution: 9, hardware: 2 } as const;
const ethernet = 1;

/** The block that a file begins with. */
export function sectionHeader(hardware: string): Buffer {
  const fixed = Buffer.alloc(16);
  fixed.writeUInt32LE(0x1a2b3c4d, 0); // byte-order magic
  fixed.writeUInt16LE(1, 4); // version 1.0
  fixed.writeBigInt64LE(-1n, 8); // the section's length is not known
  return block(blocks.section, fixed, [[options.hardware, Buffer.from(hardware)]]);
}

/** An interface that packets were seen at; the first of a file is number 0. */
export function interfaceDescription(name: string, comment: string, snapLength: number): Buffer {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt16LE(ethernet, 0);
  fixed.writeUInt32LE(snapLength, 4);
  return block(blocks.interface, fixed, [
    [options.comment, Buffer.from(comment)],
    [options.name, Buffer.from(name)],
    [options.resolution, Buffer.from([9])], // nanoseconds
  ]);
}

/** A frame, and when it was seen. */
export interface SeenFrame {
  readonly interface: number;
  /** Since 1970. */
  readonly nanoseconds: bigint;
  /** Bytes that it had on the wire. */
  readonly length: number;
  readonly bytes: Uint8Array;
  /** What is said of it. */
  readonly comment?: string;
  /** Seen from the interface. */
  readonly direction?: keyof typeof directions;
}

/** The lower two bits of epb_flags. */
const directions = { inbound: 1, outbound: 2 } as const;

export function enhancedPacket(frame: SeenFrame): Buffer {
  const { interface: at, nanoseconds, length, bytes, comment, direction } = frame;
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(direction === undefined ? 0 : directions[direction]);
  const fixed = Buffer.alloc(20);
  fixed.writeUInt32LE(at, 0);
  fixed.writeUInt32LE(Number(nanoseconds >> 32n), 4);
  fixed.writeUInt32LE(Number(nanoseconds & 0xffffffffn), 8);
  fixed.writeUInt32LE(bytes.length, 12);
  fixed.writeUInt32LE(length, 16);
  return block(blocks.enhancedPacket, Buffer.concat([fixed, padded(bytes)]), [
    ...(comment === undefined ? [] : [[options.comment, Buffer.from(comment)] as const]),
    ...(direction === undefined ? [] : [[options.flags, flags] as const]),
  ]);
}

function block(
  type: number,
  body: Buffer,
  list: readonly (readonly [code: number, value: Buffer])[],
): Buffer {
  const written = list.map(([code, value]) => option(code, value));
  if (list.length > 0) written.push(option(options.end, Buffer.alloc(0)));
  const inside = Buffer.concat([body, ...written]);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(inside.length + 12, 4);
  return Buffer.concat([head, inside, head.subarray(4)]);
}

function option(code: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(code, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, padded(value)]);
}

/** To 32 bits. */
function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

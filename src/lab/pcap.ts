/** A packet of a pcap file. */
export interface PcapPacket {
  readonly nanoseconds: bigint;
  readonly length: number;
  readonly bytes: Buffer;
}

/** Packets of `tcpdump -w - --time-stamp-precision=nano`, as they come. */
export async function* packetsOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<PcapPacket> {
  let rest = Buffer.alloc(0);
  let isOpen = false;
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    if (!isOpen) {
      if (rest.length < 24) continue;
      if (rest.readUInt32LE(0) !== 0xa1b23c4d)
        throw new TypeError('tcpdump wrote no nanosecond pcap');
      rest = rest.subarray(24);
      isOpen = true;
    }
    while (rest.length >= 16) {
      const captured = rest.readUInt32LE(8);
      if (rest.length < 16 + captured) break;
      yield {
        nanoseconds: BigInt(rest.readUInt32LE(0)) * 1_000_000_000n + BigInt(rest.readUInt32LE(4)),
        length: rest.readUInt32LE(12),
        bytes: rest.subarray(16, 16 + captured),
      };
      rest = rest.subarray(16 + captured);
    }
  }
}

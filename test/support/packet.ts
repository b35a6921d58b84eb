import { addressToBytes, type Address } from '../../src/net/address.js';

/** One header and how it looks in front of what follows it. */
interface Layer {
  /** The header's bytes before `payload`; `next` is the layer behind it. */
  encode(payload: Uint8Array, next: Layer | undefined, below: Layer | undefined): Uint8Array;
  readonly etherType?: number;
  readonly protocol?: number;
  readonly addresses?: readonly [string, string];
}

/** RFC 3168 section 5, the two bits under the DSCP. */
export const ecn = { notEct: 0, ect1: 1, ect0: 2, ce: 3 } as const;

export type Ecn = keyof typeof ecn;

export interface Ipv4Options {
  readonly ecn?: Ecn;
  readonly dscp?: number;
  readonly ttl?: number;
  readonly id?: number;
  readonly dontFragment?: boolean;
  readonly moreFragments?: boolean;
  /** In units of 8 bytes. */
  readonly fragmentOffset?: number;
  readonly protocol?: number;
  readonly options?: Uint8Array;
}

export interface Ipv6Options {
  readonly ecn?: Ecn;
  readonly dscp?: number;
  readonly hopLimit?: number;
  readonly flowLabel?: number;
  readonly nextHeader?: number;
  /** In place of the payload's own length. */
  readonly payloadLength?: number;
}

/** A frame, written as one reads it: eth().ipv4('10.0.0.1', '10.0.0.2').udp(1, 2).raw('hello'). */
export class Packet {
  readonly #layers: readonly Layer[];

  constructor(layers: readonly Layer[]) {
    this.#layers = layers;
  }

  /** The layers of another packet behind these. */
  then(inner: Packet): Packet {
    return new Packet([...this.#layers, ...inner.#layers]);
  }

  eth(source: string, destination: string): Packet {
    return this.#with(ethernetLayer(source, destination));
  }

  ipv4(source: string, destination: string, options: Ipv4Options = {}): Packet {
    return this.#with(ipv4Layer(source, destination, options));
  }

  ipv6(source: string, destination: string, options: Ipv6Options = {}): Packet {
    return this.#with(ipv6Layer(source, destination, options));
  }

  /** An IPv6 extension header of eight bytes (RFC 8200 section 4): its number, and fields behind the length. */
  extension(protocol: number, fields: readonly number[] = [1, 4, 0, 0, 0, 0]): Packet {
    return this.#with({
      protocol,
      encode: (_payload, next) => Uint8Array.of(next?.protocol ?? 59, 0, ...fields),
    });
  }

  udp(source: number, destination: number, options: { checksum?: 'zero' } = {}): Packet {
    return this.#with(udpLayer(source, destination, options.checksum === 'zero'));
  }

  tcp(source: number, destination: number): Packet {
    return this.#with(tcpLayer(source, destination));
  }

  vxlan(vni: number): Packet {
    return this.#with({
      encode: () => Uint8Array.of(8, 0, 0, 0, vni >> 16, (vni >> 8) & 255, vni & 255, 0),
    });
  }

  /** What this builder has no header for: its number, and its bytes. */
  other(protocol: number, content: Uint8Array): Packet {
    return this.#with({ protocol, encode: () => content });
  }

  raw(content: string | Uint8Array): Packet {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    return this.#with({ encode: () => bytes });
  }

  bytes(): Uint8Array {
    return this.#layers.reduceRight<Uint8Array>((payload, layer, index) => {
      const header = layer.encode(payload, this.#layers[index + 1], this.#layers[index - 1]);
      return concat(header, payload);
    }, new Uint8Array());
  }

  #with(layer: Layer): Packet {
    return new Packet([...this.#layers, layer]);
  }
}

/** Starts a frame. */
export function eth(source: string, destination: string): Packet {
  return new Packet([]).eth(source, destination);
}

/** The bytes of hexadecimal digits. */
export function fromHex(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

/** RFC 1071, over the bytes as 16-bit words. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  const bytes = concat(...parts);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2)
    sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function ethernetLayer(source: string, destination: string): Layer {
  return {
    encode: (_payload, next) =>
      concat(macBytes(destination), macBytes(source), u16(next?.etherType ?? 0xffff)),
  };
}

function ipv4Layer(source: string, destination: string, options: Ipv4Options): Layer {
  return {
    etherType: 0x0800,
    protocol: 4,
    addresses: [source, destination],
    encode(payload, next) {
      const extra = options.options ?? new Uint8Array();
      const length = 20 + extra.length;
      const fragment =
        (options.dontFragment === true ? 0x4000 : 0) |
        (options.moreFragments === true ? 0x2000 : 0) |
        (options.fragmentOffset ?? 0);
      const header = concat(
        Uint8Array.of(
          0x40 | (length / 4),
          ((options.dscp ?? 0) << 2) | ecn[options.ecn ?? 'notEct'],
        ),
        u16(length + payload.length),
        u16(options.id ?? 0),
        u16(fragment),
        Uint8Array.of(options.ttl ?? 64, options.protocol ?? next?.protocol ?? 253),
        u16(0),
        ipv4Bytes(source),
        ipv4Bytes(destination),
        extra,
      );
      header.set(u16(internetChecksum(header)), 10);
      return header;
    },
  };
}

/** RFC 8200 section 3. */
function ipv6Layer(source: string, destination: string, options: Ipv6Options): Layer {
  return {
    etherType: 0x86dd,
    protocol: 41,
    addresses: [source, destination],
    encode(payload, next) {
      const trafficClass = ((options.dscp ?? 0) << 2) | ecn[options.ecn ?? 'notEct'];
      const label = options.flowLabel ?? 0;
      return concat(
        Uint8Array.of(0x60 | (trafficClass >> 4), ((trafficClass & 15) << 4) | (label >> 16)),
        u16(label & 0xffff),
        u16(options.payloadLength ?? payload.length),
        Uint8Array.of(options.nextHeader ?? next?.protocol ?? 59, options.hopLimit ?? 64),
        ipBytes(source),
        ipBytes(destination),
      );
    },
  };
}

function udpLayer(source: number, destination: number, zero: boolean): Layer {
  return {
    protocol: 17,
    encode(payload, _next, below) {
      const header = concat(u16(source), u16(destination), u16(8 + payload.length), u16(0));
      if (!zero) header.set(u16(transportChecksum(17, header, payload, below) || 0xffff), 6);
      return header;
    },
  };
}

function tcpLayer(source: number, destination: number): Layer {
  return {
    protocol: 6,
    encode(payload, _next, below) {
      const header = concat(
        u16(source),
        u16(destination),
        Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18),
        u16(8192),
        u16(0),
        u16(0),
      );
      header.set(u16(transportChecksum(6, header, payload, below)), 16);
      return header;
    },
  };
}

function transportChecksum(
  protocol: number,
  header: Uint8Array,
  payload: Uint8Array,
  below: Layer | undefined,
): number {
  const [source, destination] = below?.addresses ?? ['0.0.0.0', '0.0.0.0'];
  const length = header.length + payload.length;
  const pseudo = concat(
    ipBytes(source),
    ipBytes(destination),
    Uint8Array.of(0, protocol),
    u16(length),
  );
  return internetChecksum(pseudo, header, payload);
}

/** The four bytes of a dotted address. */
export function ipv4Bytes(address: string): Uint8Array {
  return Uint8Array.from(address.split('.').map(Number));
}

/** The bytes of an address of either family, in network order. */
export function ipBytes(address: string): Uint8Array {
  return addressToBytes(address as Address);
}

/** The six bytes of a MAC. */
export function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':').map((byte) => parseInt(byte, 16)));
}

function u16(value: number): Uint8Array {
  return Uint8Array.of((value >> 8) & 255, value & 255);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

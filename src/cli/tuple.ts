import { addressFromBytes, type Address } from '../net/address.js';

/** Ends of an IP packet. Ports are null where the protocol has none, or they are not in these bytes. */
export interface Tuple {
  readonly source: Address;
  readonly destination: Address;
  /** tcp, udp, icmp, icmp6, sctp, ipip, ipv6, else the number. */
  readonly protocol: string;
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
  /** TCP's, as tcpdump writes them: S, SA, PA; null: it is no TCP. */
  readonly flags: string | null;
  /** Of the VXLAN header behind it; null: there is none. */
  readonly vni: number | null;
}

/** IP headers of a frame from the outside in; VXLAN is what goes to `vxlanPort`. Ends where bytes do. */
export function tuplesOf(frame: Uint8Array, vxlanPort: number): readonly Tuple[] {
  return [...ethernet(frame, vxlanPort)];
}

type Tuples = Generator<Tuple, void, void>;

function* ethernet(bytes: Uint8Array, vxlanPort: number): Tuples {
  const etherType = number16(bytes, 12);
  if (etherType === 0x0800 || etherType === 0x86dd) yield* ip(bytes.subarray(14), vxlanPort);
}

/** RFC 791 section 3.1, RFC 8200 section 3. */
function* ip(bytes: Uint8Array, vxlanPort: number): Tuples {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4 && bytes.length >= 20) {
    const ends = [bytes.subarray(12, 16), bytes.subarray(16, 20)] as const;
    const isFirst = (number16(bytes, 6) & 0x1fff) === 0;
    const rest = isFirst ? bytes.subarray(((bytes[0] ?? 0) & 15) * 4) : nothing;
    yield* behind(ends, bytes[9] ?? 0, rest, vxlanPort);
  } else if (version === 6 && bytes.length >= 40) {
    const ends = [bytes.subarray(8, 24), bytes.subarray(24, 40)] as const;
    const { protocol, rest } = pastExtensions(bytes[6] ?? 0, bytes.subarray(40));
    yield* behind(ends, protocol, rest, vxlanPort);
  }
}

const nothing = new Uint8Array(0);

/** RFC 8200 section 4: hop-by-hop options, routing, fragment, destination options. */
function pastExtensions(protocol: number, rest: Uint8Array) {
  while ([0, 43, 44, 60].includes(protocol) && rest.length >= 8) {
    const isLater = protocol === 44 && (number16(rest, 2) & 0xfff8) !== 0;
    const bytes = protocol === 44 ? 8 : ((rest[1] ?? 0) + 1) * 8;
    protocol = rest[0] ?? 0;
    rest = isLater ? nothing : rest.subarray(bytes);
  }
  return { protocol, rest };
}

function* behind(
  ends: readonly [Uint8Array, Uint8Array],
  protocol: number,
  rest: Uint8Array,
  vxlanPort: number,
): Tuples {
  const hasPorts = [6, 17, 132].includes(protocol) && rest.length >= 4;
  const isVxlan = protocol === 17 && hasPorts && number16(rest, 2) === vxlanPort;
  yield {
    source: addressFromBytes(ends[0]),
    destination: addressFromBytes(ends[1]),
    protocol: names.get(protocol) ?? String(protocol),
    sourcePort: hasPorts ? number16(rest, 0) : null,
    destinationPort: hasPorts ? number16(rest, 2) : null,
    flags: protocol === 6 && rest.length >= 14 ? flagsOf(rest[13] ?? 0) : null,
    vni: isVxlan && rest.length >= 16 ? number16(rest, 12) * 256 + (rest[14] ?? 0) : null,
  };
  if (isVxlan) yield* ethernet(rest.subarray(16), vxlanPort); // RFC 7348 section 5
  if (protocol === 4 || protocol === 41) yield* ip(rest, vxlanPort);
}

const names = new Map([
  [1, 'icmp'],
  [4, 'ipip'],
  [6, 'tcp'],
  [17, 'udp'],
  [41, 'ipv6'],
  [58, 'icmp6'],
  [132, 'sctp'],
]);

/** RFC 9293 section 3.1: the lower six bits. */
function flagsOf(bits: number): string {
  return flags.filter((_, place) => (bits & (1 << place)) !== 0).join('') || '.';
}

const flags = ['F', 'S', 'R', 'P', 'A', 'U'];

/** 0 where the bytes end before. */
function number16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

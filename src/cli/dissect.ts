import { macFromBytes } from '../net/mac.js';
import {
  bytesText,
  cut,
  data,
  ends,
  extensions,
  hex,
  payload,
  ports,
  protocolName,
  tosText,
  trailer,
  u16,
  words,
  type Layer,
} from './dissect-words.js';

export type { Layer } from './dissect-words.js';

/** A frame from the outside in, as far as its headers go; VXLAN is what goes to `vxlanPort`. */
export function dissect(frame: Uint8Array, vxlanPort: number): readonly Layer[] {
  return [...ethernet(frame, vxlanPort)];
}

type Layers = Generator<Layer, void, void>;

function* ethernet(bytes: Uint8Array, vxlanPort: number): Layers {
  if (bytes.length < 14) return yield cut('Ethernet', bytes);
  const etherType = u16(bytes, 12);
  const [destination, source] = [bytes.subarray(0, 6), bytes.subarray(6, 12)].map(macFromBytes);
  yield {
    name: 'Ethernet',
    says: `${source} > ${destination}, type ${hex(etherType, 4)}`,
    bytes: 14,
  };
  const rest = bytes.subarray(14);
  if (etherType === 0x0800) yield* ipv4(rest, vxlanPort);
  else if (etherType === 0x86dd) yield* ipv6(rest, vxlanPort);
  else yield data(rest);
}

/** RFC 791 section 3.1. */
function* ipv4(bytes: Uint8Array, vxlanPort: number): Layers {
  if (bytes.length < 20) return yield cut('IPv4', bytes);
  const [first = 0, tos = 0] = bytes;
  const header = (first & 15) * 4;
  const total = u16(bytes, 2);
  const fragmentation = u16(bytes, 6);
  const offset = (fragmentation & 0x1fff) * 8;
  const protocol = bytes[9] ?? 0;
  yield {
    name: 'IPv4',
    says: words(
      ends(bytes.subarray(12, 16), bytes.subarray(16, 20)),
      protocolName(protocol),
      `ttl ${bytes[8] ?? 0}`,
      tosText(tos),
      (fragmentation & 0x4000) !== 0 && 'DF',
      (fragmentation & 0x2000) !== 0 && 'more fragments',
      offset !== 0 && `fragment at ${offset}`,
      header > 20 && `${header - 20} bytes of options`,
      bytesText(total, bytes.length),
      first >> 4 !== 4 && `version ${first >> 4}!`,
      header < 20 && `header of ${header} bytes!`,
    ),
    bytes: Math.max(header, 20),
  };
  const rest = payload(bytes, Math.max(header, 20), total);
  if (offset !== 0) yield data(rest.bytes);
  else yield* behind(protocol, rest.bytes, vxlanPort);
  if (rest.trailing > 0) yield trailer(rest.trailing);
}

/** RFC 8200 sections 3 and 4. */
function* ipv6(bytes: Uint8Array, vxlanPort: number): Layers {
  if (bytes.length < 40) return yield cut('IPv6', bytes);
  const total = 40 + u16(bytes, 4);
  const protocol = bytes[6] ?? 0;
  const flowLabel = ((bytes[1] ?? 0) & 15) * 0x10000 + u16(bytes, 2);
  yield {
    name: 'IPv6',
    says: words(
      ends(bytes.subarray(8, 24), bytes.subarray(24, 40)),
      protocolName(protocol),
      `hop limit ${bytes[7] ?? 0}`,
      tosText((u16(bytes, 0) >> 4) & 255),
      flowLabel !== 0 && `flow label ${hex(flowLabel, 5)}`,
      bytesText(total, bytes.length),
      (bytes[0] ?? 0) >> 4 !== 6 && `version ${(bytes[0] ?? 0) >> 4}!`,
    ),
    bytes: 40,
  };
  const rest = payload(bytes, 40, total);
  yield* extension(protocol, rest.bytes, vxlanPort);
  if (rest.trailing > 0) yield trailer(rest.trailing);
}

/** RFC 8200 section 4: chained headers of known length. */
function* extension(protocol: number, bytes: Uint8Array, vxlanPort: number): Layers {
  const name = extensions.get(protocol);
  if (name === undefined) return yield* behind(protocol, bytes, vxlanPort);
  if (bytes.length < 8) return yield cut(name, bytes);
  const next = bytes[0] ?? 0;
  const offset = protocol === 44 ? u16(bytes, 2) & 0xfff8 : 0;
  const length = protocol === 44 ? 8 : ((bytes[1] ?? 0) + 1) * 8;
  yield {
    name,
    says: words(protocolName(next), protocol === 44 && `fragment at ${offset}`),
    bytes: length,
  };
  const rest = bytes.subarray(length);
  if (offset !== 0) yield data(rest);
  else yield* extension(next, rest, vxlanPort);
}

/** What an IP header says follows it. */
function* behind(protocol: number, bytes: Uint8Array, vxlanPort: number): Layers {
  switch (protocol) {
    case 1:
    case 58:
      return yield* icmp(protocol, bytes);
    case 4:
      return yield* ipv4(bytes, vxlanPort);
    case 41:
      return yield* ipv6(bytes, vxlanPort);
    case 6:
    case 132:
      if (bytes.length < 4) return yield cut(protocolName(protocol), bytes);
      return yield {
        name: protocolName(protocol),
        says: words(ports(bytes), `${bytes.length} bytes`),
        bytes: bytes.length,
      };
    case 17:
      return yield* udp(bytes, vxlanPort);
    default:
      yield data(bytes);
  }
}

/** RFC 768, RFC 7348 section 5. */
function* udp(bytes: Uint8Array, vxlanPort: number): Layers {
  if (bytes.length < 8) return yield cut('UDP', bytes);
  const length = u16(bytes, 4);
  const checksum = u16(bytes, 6) === 0 ? 'no checksum' : `checksum ${hex(u16(bytes, 6), 4)}`;
  yield {
    name: 'UDP',
    says: words(ports(bytes), checksum, bytesText(length, bytes.length)),
    bytes: 8,
  };
  const carried = bytes.subarray(8, Math.max(length, 8));
  if (u16(bytes, 2) !== vxlanPort) return yield data(carried);
  if (carried.length < 8) return yield cut('VXLAN', carried);
  const vni = u16(carried, 4) * 256 + (carried[6] ?? 0);
  yield { name: 'VXLAN', says: words(`VNI ${vni}`, `flags ${hex(carried[0] ?? 0, 2)}`), bytes: 8 };
  yield* ethernet(carried.subarray(8), vxlanPort);
}

/** RFC 792, RFC 4443; what is too big says how much is not (RFC 1191). */
function* icmp(protocol: number, bytes: Uint8Array): Layers {
  const name = protocolName(protocol);
  if (bytes.length < 8) return yield cut(name, bytes);
  const [type = 0, code = 0] = bytes;
  const isTooBig = protocol === 1 ? type === 3 && code === 4 : type === 2;
  yield {
    name,
    says: words(
      `type ${type} code ${code}`,
      isTooBig && `too big, MTU ${u16(bytes, 6)}`,
      `${bytes.length} bytes`,
    ),
    bytes: bytes.length,
  };
}

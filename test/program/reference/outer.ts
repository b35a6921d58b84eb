import { addressToBytes, familyOf, type Address } from '../../../src/net/address.js';
import { internetChecksum } from '../../support/packet.js';
import { protocols } from './ip.js';

/** What an outer header says. */
export interface Outer {
  readonly source: Address;
  readonly destination: Address;
  readonly tos: number;
  /** IPv6 alone has one. */
  readonly flowLabel: number;
  readonly ttl: number;
  /** IPv4 alone has these two. */
  readonly id: number;
  readonly dontFragment: boolean;
  readonly protocol: number;
  readonly payload: Uint8Array;
}

/** An outer header and all behind it. */
export function outerIp(outer: Outer): Uint8Array {
  return familyOf(outer.source) === 'ipv4' ? ipv4(outer) : ipv6(outer);
}

/** RFC 768, RFC 7348 section 5. Over IPv4 without a checksum, over IPv6 as RFC 8200 section 8.1 wants it, or RFC 6935. */
export function udp(
  ports: readonly [number, number],
  payload: Uint8Array,
  checksum: 'none' | { readonly source: Address; readonly destination: Address },
): Uint8Array {
  const length = 8 + payload.length;
  const header = Uint8Array.from([...ports.flatMap(u16), ...u16(length), 0, 0]);
  if (checksum !== 'none') {
    const pseudo = Uint8Array.from([
      ...addressToBytes(checksum.source),
      ...addressToBytes(checksum.destination),
      ...[0, 0, ...u16(length), 0, 0, 0, protocols.udp],
    ]);
    header.set(u16(internetChecksum(pseudo, header, payload) || 0xffff), 6);
  }
  return joined(header, payload);
}

/** RFC 7348 section 5: the I bit and the VNI. */
export function vxlan(vni: number, frame: Uint8Array): Uint8Array {
  const header = Uint8Array.of(8, 0, 0, 0, vni >> 16, (vni >> 8) & 255, vni & 255, 0);
  return joined(header, frame);
}

/** RFC 791. Of what is not to be fragmented the ID says nothing (RFC 6864). */
function ipv4(outer: Outer): Uint8Array {
  const { source, destination, tos, ttl, id, dontFragment, protocol, payload } = outer;
  const header = Uint8Array.from([
    ...[0x45, tos, ...u16(20 + payload.length), ...u16(id), dontFragment ? 0x40 : 0, 0],
    ...[ttl, protocol, 0, 0],
    ...addressToBytes(source),
    ...addressToBytes(destination),
  ]);
  header.set(u16(internetChecksum(header)), 10);
  return joined(header, payload);
}

/** RFC 8200 section 3. */
function ipv6({ source, destination, tos, flowLabel, ttl, protocol, payload }: Outer): Uint8Array {
  const header = Uint8Array.from([
    ...[0x60 | (tos >> 4), ((tos & 15) << 4) | (flowLabel >> 16), ...u16(flowLabel & 0xffff)],
    ...[...u16(payload.length), protocol, ttl],
    ...addressToBytes(source),
    ...addressToBytes(destination),
  ]);
  return joined(header, payload);
}

function joined(header: Uint8Array, payload: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([header, payload]));
}

function u16(value: number): readonly [number, number] {
  return [value >> 8, value & 255];
}

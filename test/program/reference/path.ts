import { encapsulations, type EncapName } from '../../../src/encap/index.js';
import type { Peer } from '../../../src/model/desired.js';
import type { Address, Family } from '../../../src/net/address.js';
import { icmpChecksum, isIcmpError, readTooBig } from './icmp.js';
import { isToPort, protocols, readIp, type Ip } from './ip.js';
import { outerIp } from './outer.js';
import type { Atlas, Switches } from './world.js';

/** Bytes of an outer packet that routers say they forward, by the node's address that it goes to. */
export type Paths = Map<Address, number>;

/** Learns from a router's word about a packet of ours (RFC 1191, RFC 8201); false: it is not that. */
export function learned(
  packet: Ip,
  self: Address,
  atlas: Atlas,
  switches: Switches,
  paths: Paths,
): boolean {
  const told = readTooBig(packet);
  const sent = told && readIp(packet.family, told.quote);
  if (told === undefined || sent === undefined) return false;
  if (sent.source !== self || !atlas.isNode(sent.destination) || sent.destination === self)
    return false;
  if (!isTunnel(sent, switches)) return false;
  const mtu = told.mtu === 0 ? plateauBelow(sent.totalBytes) : told.mtu;
  if (mtu >= sent.totalBytes) return false;
  const before = paths.get(sent.destination) ?? Infinity;
  paths.set(sent.destination, Math.min(before, Math.max(mtu, least[packet.family])));
  return true;
}

/** What a packet for a peer may have at most, encapsulated for a link and for the path behind it. */
export function roomFor(
  encap: EncapName,
  peer: Peer,
  uplinkMtu: number,
  paths: Paths,
): { readonly link: number; readonly path: number } {
  const overhead = encapsulations[encap].overheadBytes[peer.family];
  const link = uplinkMtu - overhead;
  return { link, path: Math.min(link, (paths.get(peer.address) ?? Infinity) - overhead) };
}

/** Whether the sender of a packet may be told that it is too big: RFC 1122 section 3.2.2, RFC 4443 section 2.4. */
export function mayBeTold(packet: Ip): boolean {
  return (
    !isIcmpError(packet) &&
    packet.fragment !== 'later' &&
    (packet.family === 'ipv6' || packet.dontFragment)
  );
}

/** ICMP to the sender of a packet, in the name of the peer: RFC 1191 section 4, RFC 4443 section 3.2. */
export function tooBig(packet: Ip, from: Address, room: number): Uint8Array {
  const { family, source } = packet;
  const mtu = family === 'ipv4' ? room : Math.max(room, least.ipv6);
  const quote = packet.bytes.subarray(0, Math.min(packet.totalBytes, quoted[family]));
  const message = Uint8Array.from([
    ...(family === 'ipv4' ? [3, 4] : [2, 0]),
    ...[0, 0, 0, 0, mtu >> 8, mtu & 255],
    ...quote,
  ]);
  const ends = { family, source: from, destination: source };
  const checksum = icmpChecksum(ends, message);
  message.set([checksum >> 8, checksum & 255], 2);
  return outerIp({
    ...ends,
    // RFC 1812 section 4.3.2.5: internetwork control
    tos: family === 'ipv4' ? 0xc0 : 0,
    flowLabel: 0,
    ttl: 64,
    id: 0,
    dontFragment: false,
    protocol: family === 'ipv4' ? protocols.icmp : protocols.icmpv6,
    payload: message,
  });
}

/** What no word of a router goes below: forged, it would strangle the path. A host takes that much in one piece. */
const least: Readonly<Record<Family, number>> = { ipv4: 552, ipv6: 1280 };

/** RFC 1812 section 4.3.2.3: the answer has 576 bytes at most; RFC 4443 section 2.4 c: 1280. */
const quoted: Readonly<Record<Family, number>> = { ipv4: 576 - 28, ipv6: 1280 - 48 };

function isTunnel(sent: Ip, switches: Switches): boolean {
  if (sent.fault === 'header' || sent.bytes.length < sent.headerBytes + 8) return false; // RFC 792
  switch (sent.protocol) {
    case protocols.ipip:
      return sent.family === 'ipv4';
    case protocols.ipv6:
      return switches.beyondCalico.ip6ip;
    default:
      return isToPort(sent, switches.vxlanPort);
  }
}

/** RFC 1191 section 7, for routers that name no size. */
function plateauBelow(bytes: number): number {
  return plateaus.find((plateau) => plateau < bytes) ?? 0;
}

const plateaus = [65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

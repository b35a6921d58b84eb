import type { EncapName } from '../../../src/encap/index.js';
import type { Family } from '../../../src/net/address.js';
import { macToBytes, type Mac } from '../../../src/net/mac.js';
import { internetChecksum } from '../../support/packet.js';
import { isIcmp } from './icmp.js';
import { etherTypes, isToPort, payloadOf, protocols, readIp, u16, type Ip } from './ip.js';
import { isMartian } from './martian.js';
import { untouched, type Outcome, type Verdict } from './outcome.js';
import { learned, type Paths } from './path.js';
import { withTosOf } from './tos.js';
import type { Atlas, Sender, Switches, World } from './world.js';

/**
 * What a node has to do with a frame that comes in at its uplink: one rule after the other. Of a packet that breaks two
 * of them either verdict would be right; the order is that in which the headers are read.
 */
export function ingress(
  { tables, switches, uplink, kernel }: World,
  atlas: Atlas,
  frame: Uint8Array,
  paths: Paths,
): Outcome {
  const family = etherTypes.get(u16(frame, 12));
  if (family === undefined) return untouched('PASS_NOT_OURS');
  const outer = readIp(family, frame.subarray(ethernetBytes));
  const self = tables.self[family];
  if (outer === undefined || outer.destination !== self?.address) return untouched('PASS_NOT_OURS');
  const encap = encapOf(outer, switches);
  if (encap === undefined && !isIcmp(outer)) return untouched('PASS_NOT_OURS');
  if (!equal(frame.subarray(0, 6), macToBytes(uplink.mac))) return untouched('PASS_NOT_HOST');
  if (encap === undefined)
    return untouched(
      outer.fault !== 'header' && learned(outer, self.address, atlas, switches, paths)
        ? 'PASS_PATH_MTU'
        : 'PASS_NOT_OURS',
    );
  if (outer.fault === 'header' || outer.fault === 'cut')
    return untouched('DROP_OUTER_IP_MALFORMED');
  if (encap === 'vxlan' && !isToPort(outer, switches.vxlanPort)) return untouched('PASS_NOT_OURS');

  const carried = payloadOf(outer);
  const broken =
    outerFault(outer, switches) ?? (encap === 'vxlan' ? vxlanFault(carried, switches) : undefined);
  if (broken !== undefined) return untouched(broken);
  if (outer.source === self.address || isMartian(outer.source))
    return untouched('DROP_OUTER_MARTIAN');
  const sender = atlas.senderOf(outer.source);
  if (sender?.accepted.includes(encap) !== true) return untouched('DROP_UNKNOWN_PEER');

  const opened = innerOf(encap, carried, self.vtepMac);
  if (typeof opened === 'string') return untouched(opened, sender.node);
  const inner = readIp(opened.family, opened.bytes);
  if (inner === undefined) return untouched('DROP_INNER_SHORT', sender.node);
  const refused =
    innerFault(inner) ??
    sourceFault(inner, outer, sender, atlas, switches) ??
    destinationFault(inner, outer, encap, atlas, tables.node, switches);
  if (refused !== undefined) return untouched(refused, sender.node);
  const packet = withTosOf(outer.tos, inner, switches.dscp);
  if (packet === undefined) return untouched('DROP_ECN', sender.node);
  if (inner.family !== family && !kernel.crossesFamilies)
    return untouched('DROP_INNER_FAMILY', sender.node);
  return {
    verdict: 'DECAPSULATED',
    peer: sender.node,
    frame: () => framed(frame, inner.family, packet),
  };
}

const ethernetBytes = 14;
const udpBytes = 8;
const vxlanBytes = 8;

/** What a packet could carry, by protocol number; IPv4 in IPv6 is nobody's. */
function encapOf({ family, protocol }: Ip, { beyondCalico }: Switches): EncapName | undefined {
  switch (protocol) {
    case protocols.udp:
      return 'vxlan';
    case protocols.ipip:
      return family === 'ipv4' ? 'ipip' : undefined;
    case protocols.ipv6:
      return beyondCalico.ip6ip ? 'ip6ip' : undefined;
    default:
      return undefined;
  }
}

function outerFault(outer: Ip, { checks }: Switches): Verdict | undefined {
  if (outer.fragment !== 'whole') return 'DROP_OUTER_FRAG';
  if (outer.fault !== undefined) return 'DROP_OUTER_IP_MALFORMED';
  if (outer.family === 'ipv6') return undefined;
  if (outer.headerBytes > 20 && checks.outerOptions === 'drop') return 'DROP_OUTER_IP_OPTIONS';
  // tc runs ahead of the stack, which would have looked
  return internetChecksum(outer.bytes.subarray(0, outer.headerBytes)) === 0
    ? undefined
    : 'DROP_OUTER_CSUM';
}

/** RFC 768, RFC 7348 section 5. */
function vxlanFault(udp: Uint8Array, switches: Switches): Verdict | undefined {
  const udpLength = u16(udp, 4);
  if (udp.length < udpBytes || udpLength < udpBytes || udpLength > udp.length)
    return 'DROP_UDP_MALFORMED';
  if (udpLength < udpBytes + vxlanBytes) return 'DROP_VXLAN_SHORT';
  const [flags = 0, ...rest] = udp.subarray(udpBytes, udpBytes + vxlanBytes);
  const reserved = [flags & ~8, ...rest.slice(0, 3), rest[6]];
  const isStrict = switches.checks.vxlanReservedBits === 'strict';
  if ((flags & 8) === 0 || (isStrict && reserved.some((byte) => byte !== 0)))
    return 'DROP_VXLAN_FLAGS';
  if (u16(udp, udpBytes + 4) * 256 + (udp[udpBytes + 6] ?? 0) === switches.vxlanVni)
    return undefined;
  return switches.sharedVxlanPort ? 'PASS_FOREIGN_VNI' : 'DROP_VNI_MISMATCH';
}

/** The IP packet inside, or why there is none for us. */
function innerOf(
  encap: EncapName,
  carried: Uint8Array,
  vtepMac: Mac,
): { readonly family: Family; readonly bytes: Uint8Array } | Verdict {
  if (encap !== 'vxlan') return { family: encap === 'ipip' ? 'ipv4' : 'ipv6', bytes: carried };
  const ethernet = carried.subarray(udpBytes + vxlanBytes, u16(carried, 4));
  if (ethernet.length < ethernetBytes) return 'DROP_INNER_SHORT';
  if (!equal(ethernet.subarray(0, 6), macToBytes(vtepMac))) return 'DROP_INNER_MAC';
  const family = etherTypes.get(u16(ethernet, 12));
  if (family === undefined) return 'DROP_INNER_PROTO';
  return { family, bytes: ethernet.subarray(ethernetBytes) };
}

function innerFault(inner: Ip): Verdict | undefined {
  if (inner.fault !== undefined) return 'DROP_INNER_IP_MALFORMED';
  if (inner.ttl === 0) return 'DROP_INNER_TTL';
  return isMartian(inner.source) || isMartian(inner.destination) ? 'DROP_INNER_MARTIAN' : undefined;
}

/** strict: in a block of the sender's, or the sender's own; pool: in no block of another's. */
function sourceFault(
  inner: Ip,
  outer: Ip,
  { node }: Sender,
  atlas: Atlas,
  { checks }: Switches,
): Verdict | undefined {
  if (checks.source === 'off') return undefined;
  const place = atlas.placeOf(inner.source);
  if (place !== undefined)
    return node !== undefined && place.node === node ? undefined : 'DROP_INNER_SRC';
  // external nodes are there to speak for others
  if (checks.source === 'pool' || node === undefined || inner.source === outer.source)
    return undefined;
  return inner.family !== outer.family && atlas.senderOf(inner.source)?.node === node
    ? undefined
    : 'DROP_INNER_SRC';
}

/** strict: in a block of ours; pool: in no block of another's. In a block of ours, as its pool travels. */
function destinationFault(
  inner: Ip,
  outer: Ip,
  encap: EncapName,
  atlas: Atlas,
  here: string,
  { checks }: Switches,
): Verdict | undefined {
  if (checks.destination === 'off') return undefined;
  const place = atlas.placeOf(inner.destination);
  if (place === undefined) return checks.destination === 'pool' ? undefined : 'DROP_INNER_DST';
  if (place.node !== here) return 'DROP_INNER_DST';
  if (place.policy === 'unrouted') return 'DROP_NO_POLICY';
  if (!place.policy.accepted.includes(encap)) return 'DROP_MODE_MISMATCH';
  return place.policy.underlay === outer.family ? undefined : 'DROP_INNER_FAMILY';
}

/** The frame as the stack gets it: the MACs that it came with, the inner packet's EtherType. */
function framed(frame: Uint8Array, family: Family, packet: Uint8Array): Uint8Array {
  const etherType = family === 'ipv4' ? [0x08, 0x00] : [0x86, 0xdd];
  return new Uint8Array(Buffer.concat([frame.subarray(0, 12), Uint8Array.from(etherType), packet]));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

import type { EncapName } from '../../../src/encap/index.js';
import type { Peer, Self } from '../../../src/model/desired.js';
import { macToBytes, type Mac } from '../../../src/net/mac.js';
import {
  behindExtensions,
  etherTypes,
  isToPort,
  protocols,
  readIp,
  shortest,
  u16,
  type Ip,
} from './ip.js';
import { isMartian } from './martian.js';
import { untouched, type Chosen, type Outcome } from './outcome.js';
import { outerIp, udp, vxlan } from './outer.js';
import { mayBeTold, roomFor, tooBig, type Paths } from './path.js';
import { outerTos } from './tos.js';
import type { Atlas, Switches, Tables, World } from './world.js';

/** How a frame got to the egress hook. */
export interface Sent {
  /** Came in at another interface first: a workload's, or the uplink's own. */
  readonly forwarded: boolean;
  /** Carries our own mark. */
  readonly marked: boolean;
}

/** Where the pool routes lead: the MAC of nobody. */
export const nobodyMac = '02:fe:fe:fe:fe:fe' as Mac;

/** What a node has to do with a frame on its way out of the uplink. */
export function egress(
  { tables, switches, uplink, kernel }: World,
  atlas: Atlas,
  frame: Uint8Array,
  { forwarded, marked }: Sent,
  paths: Paths,
): Outcome {
  const pooled = Buffer.compare(frame.subarray(0, 6), macToBytes(nobodyMac)) === 0;
  if (marked && !pooled) return untouched('PASS_OWN_TUNNEL');
  const family = etherTypes.get(u16(frame, 12));
  if (family === undefined) return untouched('PASS_NOT_IP');
  const packet = readIp(family, frame.subarray(ethernetBytes));
  if (packet === undefined || packet.fault === 'header')
    return untouched(pooled ? 'DROP_IP_MALFORMED' : 'PASS_NOT_POOL');
  if (forwarded && isForged(packet, atlas, switches)) return untouched('DROP_WORKLOAD_TUNNEL');
  if (!pooled) return untouched('PASS_NOT_POOL');

  if (packet.ttl === 0) return untouched('DROP_TTL');
  if (!atlas.isPooled(packet.destination)) return untouched('DROP_NOT_IN_POOL');
  const place = atlas.placeOf(packet.destination);
  if (place === undefined) return untouched('DROP_NO_BLOCK');
  const { owner, policy } = place;
  if (owner === 'self') return untouched('DROP_LOCAL_BLOCK');
  if (forwarded && isSpoofed(packet, tables, atlas, switches)) return untouched('DROP_SRC_SPOOF');
  if (isMartian(packet.source)) return untouched('DROP_INNER_MARTIAN');
  if (owner === 'lost') return untouched('DROP_NO_PEER');
  const self = tables.self[owner.family];
  if (self === undefined) return untouched('DROP_NO_SELF', owner.node);
  if (policy === 'unrouted') return untouched('DROP_NO_POLICY', owner.node);

  const encap = owner.sameSubnet ? policy.sameSubnet : policy.otherSubnet;
  if (forwarded && encap !== 'none' && isOwnAddressTaken(packet, tables, switches))
    return untouched('DROP_SRC_SPOOF', owner.node);
  if (packet.fault !== undefined) return untouched('DROP_IP_MALFORMED', owner.node);
  const inner = packet.bytes.subarray(0, packet.totalBytes);
  if (encap === 'none')
    return {
      verdict: marked ? 'DIRECT_AGAIN' : 'DIRECT',
      peer: owner.node,
      frame: () => joined(frame.subarray(0, 14), inner),
    };
  const { link, path } = roomFor(encap, owner, kernel.tellsMtu ? uplink.mtu : 0xffff, paths);
  // the peer speaks, or where it has no address of the family, the destination itself
  const from = owner.family === family ? owner.address : packet.destination;
  const isTooBig = inner.length > path && !(family === 'ipv6' && inner.length <= 1280);
  if (isTooBig && mayBeTold(packet))
    return {
      verdict: 'ANSWERED_TOO_BIG',
      peer: owner.node,
      frame: () => answered(frame, tooBig(packet, from, path)),
    };
  if (inner.length > link) return untouched('DROP_TOO_BIG', owner.node);
  const way = { encap, self, owner, switches, dontFragment: inner.length <= path };
  return {
    verdict: 'ENCAPSULATED',
    peer: owner.node,
    frame: (chosen) => encapsulated(frame, packet, way, chosen),
    ...(encap === 'vxlan' ? { portAt: ethernetBytes + shortest[owner.family] } : {}),
    ...(owner.family === 'ipv4' && !way.dontFragment ? { idAt: ethernetBytes + 4 } : {}),
    ...(owner.family === 'ipv6' ? { flowLabelAt: ethernetBytes + 1 } : {}),
  };
}

const ethernetBytes = 14;

/** A workload's own tunnel to a node: with a masqueraded source it would pass for ours. */
function isForged(packet: Ip, atlas: Atlas, switches: Switches): boolean {
  if (packet.fault === 'cut' || !atlas.isNode(packet.destination)) return false;
  const carried = behindExtensions(packet);
  if (carried === 'hidden') return !switches.allowVxlanFromWorkloads;
  switch (carried.protocol) {
    case protocols.ipip:
      return packet.family === 'ipv4' && !switches.allowIpipFromWorkloads;
    case protocols.ipv6:
      return switches.beyondCalico.ip6ip && !switches.allowIpipFromWorkloads;
    case protocols.udp:
      return !switches.allowVxlanFromWorkloads && isToPort(carried, switches.vxlanPort);
    default:
      return false;
  }
}

/** strict: neither of a workload here, nor this node's own, which goes to nodes without a tunnel; pool: another's. */
function isSpoofed(
  packet: Ip,
  { node, self }: Tables,
  atlas: Atlas,
  { checks }: Switches,
): boolean {
  if (checks.source === 'off') return false;
  const place = atlas.placeOf(packet.source);
  if (place !== undefined) return place.node !== node;
  return checks.source === 'strict' && packet.source !== self[packet.family]?.address;
}

/** What is masqueraded has the node's tunnel address instead; IPv6 chooses otherwise. */
function isOwnAddressTaken({ source }: Ip, { self }: Tables, { checks }: Switches): boolean {
  return checks.source === 'strict' && source === self.ipv4?.address;
}

interface Way {
  readonly encap: EncapName;
  readonly self: Self;
  readonly owner: Peer;
  readonly switches: Switches;
  /** As every packet, but for what nobody may be told of where a router has to cut it. */
  readonly dontFragment: boolean;
}

/** Back to where it came from. */
function answered(frame: Uint8Array, packet: Uint8Array): Uint8Array {
  return joined(frame.subarray(6, 12), frame.subarray(0, 6), frame.subarray(12, 14), packet);
}

function encapsulated(frame: Uint8Array, packet: Ip, way: Way, chosen: Chosen): Uint8Array {
  const { encap, self, owner, switches, dontFragment } = way;
  const inner = packet.bytes.subarray(0, packet.totalBytes);
  const ends = { source: self.address, destination: owner.address };
  const checksum = owner.family === 'ipv4' || owner.zeroChecksum ? 'none' : ends;
  const macs = joined(macToBytes(owner.vtepMac ?? noMac), macToBytes(self.vtepMac));
  const ethernet = (): Uint8Array => joined(macs, frame.subarray(12, 14), inner);
  const outer = outerIp({
    ...ends,
    tos: outerTos(packet.tos, switches.dscp),
    flowLabel: chosen.flowLabel,
    id: chosen.id,
    dontFragment,
    ttl: switches.outerTtl === 'inherit' ? packet.ttl : switches.outerTtl,
    protocol: protocolOf[encap],
    payload:
      encap === 'vxlan'
        ? udp([chosen.port, switches.vxlanPort], vxlan(switches.vxlanVni, ethernet()), checksum)
        : inner,
  });
  const etherType = owner.family === 'ipv4' ? [0x08, 0x00] : [0x86, 0xdd];
  return joined(frame.subarray(0, 12), Uint8Array.from(etherType), outer);
}

const noMac = '00:00:00:00:00:00' as Mac;

const protocolOf: Readonly<Record<EncapName, number>> = {
  ipip: protocols.ipip,
  vxlan: protocols.udp,
  ip6ip: protocols.ipv6,
};

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

import {
  array,
  bytes,
  enumeration,
  mapped,
  struct,
  u16,
  u16be,
  u32,
  u32be,
  u64,
  u8,
  type Codec,
} from 'libbpf-ts';
import type { EncapName } from '../encap/index.js';
import type { Policy } from '../model/desired.js';
import {
  addressBits,
  addressFromBytes,
  addressToBytes,
  familyOf,
  type Address,
  type Family,
} from '../net/address.js';
import { networkOf, prefixLengthOf, type Cidr } from '../net/cidr.js';
import { macFromBytes, macToBytes, type Mac } from '../net/mac.js';
import {
  slotsOfALine,
  type BlockEntry,
  type PeerEntry,
  type PoolRow,
  type ShortcutEntry,
  type SlotLine,
  type SourceEntry,
  type WorkloadEntry,
} from './entry.js';

// The layouts of bpf/abi.h, compared with the object's BTF before anything is loaded (load.ts).

const encapNumbers = { none: 0, ipip: 1, vxlan: 2, ip6ip: 3 } as const satisfies Record<
  EncapName | 'none',
  number
>;

const encap = enumeration('encap', encapNumbers);

const family = enumeration('family', { ipv4: 4, ipv6: 6 });

const check = enumeration('check', { off: 0, pool: 1, strict: 2 });

const fast = enumeration('fast', { never: 0, guarded: 1, always: 2 });

const dscp = enumeration('dscp', { inherit: 0, uniform: 1, pipe: 2 });

/** bit (1 << enum encap). */
const accepted = mapped(
  u32,
  (mask): readonly EncapName[] => carriers.filter((name) => (mask & bitOf(name)) !== 0),
  (names) => names.reduce((mask, name) => mask | bitOf(name), 0),
);

const carriers = ['ipip', 'vxlan', 'ip6ip'] as const satisfies readonly EncapName[];

const words = struct('address', { word: array(u32be, 4) });

const mac = mapped(bytes(6), macFromBytes, macToBytes);

const noMac = '00:00:00:00:00:00';

/** struct pool_key: a CIDR in an LPM trie; its prefix length counts the family's 32 bits too. */
export const poolKey: Codec<Cidr> = mapped(
  struct('pool_key', { prefixLength: u32, family, address: words }),
  (key) => cidrOf(key.family, key.address.word, key.prefixLength - familyBits),
  (cidr) => {
    const { family, address, prefixLength } = partsOf(cidr);
    return { prefixLength: prefixLength + familyBits, family, address };
  },
);

const familyBits = 32;

/** struct pool. */
export const pool: Codec<PoolRow> = mapped(
  struct('pool', {
    blockLengths: array(u8, 16),
    firstSlot: u32,
    slotCount: u32,
    policy: u32,
    slotLength: u8,
    slotShift: u8,
    zero: array(u8, 2),
  }),
  ({ blockLengths, firstSlot: first, slotCount: count, policy, slotLength, slotShift }) => ({
    blockLengths: blockLengths.filter((length) => length !== 0),
    ...(count === 0
      ? {}
      : { slots: { first, count, policy, length: slotLength, shift: slotShift } }),
  }),
  ({ blockLengths, slots }) => ({
    blockLengths: Array.from({ length: 16 }, (_, place) => blockLengths[place] ?? 0),
    firstSlot: slots?.first ?? 0,
    slotCount: slots?.count ?? 0,
    policy: slots?.policy ?? 0,
    slotLength: slots?.length ?? 0,
    slotShift: slots?.shift ?? 0,
    zero: [0, 0],
  }),
);

/** struct slot_line: all zero is none. */
export const slotLine: Codec<SlotLine> = mapped(
  struct('slot_line', { slot: array(u16, slotsOfALine) }),
  ({ slot }) => Uint16Array.from(slot),
  (line) => ({ slot: Array.from(line) }),
);

/** struct block_key. */
export const blockKey: Codec<Cidr> = mapped(
  struct('block_key', { family, prefixLength: u32, address: words }),
  (key) => cidrOf(key.family, key.address.word, key.prefixLength),
  partsOf,
);

/** struct block. */
export const block: Codec<BlockEntry> = struct('block', { peer: u32, policy: u32 });

/** struct policy. */
export const policy: Codec<Policy> = struct('policy', {
  sameSubnet: encap,
  otherSubnet: encap,
  accepted,
  underlay: family,
});

/** struct peer. */
export const peer: Codec<PeerEntry> = mapped(
  struct('peer', {
    family,
    underlay: words,
    node: u32,
    vtepMac: mac,
    sameSubnet: u8,
    zeroChecksum: u8,
  }),
  (value) => ({
    family: value.family,
    underlay: addressOf(value.family, value.underlay.word),
    node: value.node,
    vtepMac: value.vtepMac === noMac ? undefined : value.vtepMac,
    sameSubnet: value.sameSubnet === 1,
    zeroChecksum: value.zeroChecksum === 1,
  }),
  (value) => ({
    family: value.family,
    underlay: { word: wordsOf(value.underlay) },
    node: value.node,
    vtepMac: value.vtepMac ?? (noMac as Mac),
    sameSubnet: value.sameSubnet ? 1 : 0,
    zeroChecksum: value.zeroChecksum ? 1 : 0,
  }),
);

/** struct source_key. */
export const sourceKey: Codec<Address> = mapped(
  struct('source_key', { family, address: words }),
  (key) => addressOf(key.family, key.address.word),
  (address) => ({ family: familyOf(address), address: { word: wordsOf(address) } }),
);

/** struct source. */
export const source: Codec<SourceEntry> = struct('source', { peer: u32, accepted });

/** struct traffic: what one counter counted on one CPU. */
export const traffic = struct('traffic', { packets: u64, bytes: u64 });

/** struct verdict_traffic. */
export const verdictTraffic = struct('verdict_traffic', { egress: traffic, ingress: traffic });

/** struct peer_traffic. */
export const peerTraffic = struct('peer_traffic', {
  encapsulated: traffic,
  decapsulated: traffic,
  direct: traffic,
});

/** struct path_mtu: what routers on the way to a peer said. */
export const pathMtu = struct('path_mtu', { mtu: u32, zero: u32, until: u64 });

/** struct stranger: how often somebody sent what he may not, and when last. */
export const stranger = struct('stranger', { packets: u64, seen: u64 });

/** struct trace_prefix; undefined: any address. */
const tracePrefix: Codec<Cidr | undefined> = mapped(
  struct('trace_prefix', { family: u32, address: words, mask: words }),
  ({ family, address, mask }) =>
    family === 0
      ? undefined
      : cidrOf(family === 4 ? 'ipv4' : 'ipv6', address.word, onesIn(mask.word)),
  (cidr) => {
    if (cidr === undefined)
      return { family: 0, address: { word: noWords }, mask: { word: noWords } };
    const { family, address, prefixLength } = partsOf(cidr);
    const mask = Array.from({ length: 4 }, (_, place) => maskWord(prefixLength - 32 * place));
    return { family: family === 'ipv4' ? 4 : 6, address, mask: { word: mask } };
  },
);

const noWords = [0, 0, 0, 0] as const;

/** The first so many bits of 32. */
function maskWord(ones: number): number {
  return ones <= 0 ? 0 : ones >= 32 ? 0xffffffff : (0xffffffff << (32 - ones)) >>> 0;
}

function onesIn(mask: readonly number[]): number {
  return mask.reduce((sum, word) => sum + (word === 0 ? 0 : 32 - Math.log2(2 ** 32 - word)), 0);
}

/** struct tracer: what the reader of decisions asks for. */
export const tracer = struct('tracer', {
  until: u64,
  verdicts: array(u32, 4),
  rate: u32,
  snap: u16,
  port: u16be,
  protocol: u8,
  directions: u8,
  asksPacket: u8,
  zero: u8,
  source: tracePrefix,
  destination: tracePrefix,
  either: tracePrefix,
});

/** struct traced: decisions that were not told, and why. */
export const traced = struct('traced', { window: u64, taken: u64, limited: u64, lost: u64 });

/** struct decision: what stands in front of a record's frames. */
export const decision = struct('decision', {
  time: u64,
  verdict: u32,
  direction: enumeration('direction', { egress: 0, ingress: 1 }),
  peer: u32,
  interface: u32,
  metSize: u32,
  leftSize: u32,
  metBytes: u16,
  leftBytes: u16,
  zero: u32,
});

/** struct skb_layout. */
export const skbLayout = struct('skb_layout', {
  head: u16,
  data: u16,
  csumStart: u16,
  csumOffset: u16,
  ipSummed: u16,
  ipSummedShift: u8,
  notInetShift: u8,
  notInet: u16,
});

/** struct cutter: interface indices, all 0 where there is none. */
export const cutter = struct('cutter', { in: u32, out: u32, uplink: u32 });

/** struct workload. */
export const workload: Codec<WorkloadEntry> = struct('workload', {
  interface: u32,
  mtu: u32,
  mac,
  hostMac: mac,
});

/** struct shortcut: all 0 where there is none. */
export const shortcut: Codec<ShortcutEntry> = struct('shortcut', {
  uplink: u32,
  uplinkMtu: u32,
  routeMtu: u32,
  tcpTimeout: u32,
  udpTimeout: u32,
  second: u32,
});

/** struct config: the read-only data that is set before load. */
export const config = struct('config', {
  vni: u32,
  vxlanPort: u16be,
  nobodyMac: mac,
  ownMark: u32,
  adjustRoomPush: u32,
  adjustRoomPopVxlan: u32,
  adjustRoomPopIpxip4: u32,
  adjustRoomPopIpxip6: u32,
  adjustRoomToIpv4: u32,
  adjustRoomToIpv6: u32,
  sourceCheck: check,
  destinationCheck: check,
  dscp,
  fast,
  pathMtuSeconds: u32,
  skb: skbLayout,
  outerTtl: u8,
  outerDscp: u8,
  allowVxlanFromWorkloads: u8,
  allowIpipFromWorkloads: u8,
  checkMtu: u8,
  ip6ip: u8,
  reservedBits: u8,
  sharedPort: u8,
  outerOptions: u8,
  tell: u8,
});

/** Every layout that user space and the programs share. */
export const layouts = {
  poolKey,
  pool,
  blockKey,
  block,
  slotLine,
  policy,
  peer,
  sourceKey,
  source,
  traffic,
  verdictTraffic,
  peerTraffic,
  pathMtu,
  stranger,
  tracer,
  traced,
  decision,
  skbLayout,
  cutter,
  workload,
  shortcut,
  config,
} as const satisfies Record<string, Codec<unknown>>;

function bitOf(name: EncapName): number {
  return 1 << encapNumbers[name];
}

function wordsOf(address: Address): readonly number[] {
  const view = new DataView(new ArrayBuffer(16));
  addressToBytes(address).forEach((byte, place) => view.setUint8(place, byte));
  return [0, 4, 8, 12].map((offset) => view.getUint32(offset));
}

function addressOf(family: Family, word: readonly number[]): Address {
  const view = new DataView(new ArrayBuffer(16));
  word.forEach((bits, place) => view.setUint32(place * 4, bits));
  return addressFromBytes(new Uint8Array(view.buffer, 0, addressBits[family] / 8));
}

function partsOf(cidr: Cidr) {
  const address = networkOf(cidr);
  return {
    family: familyOf(address),
    prefixLength: prefixLengthOf(cidr),
    address: { word: wordsOf(address) },
  };
}

function cidrOf(family: Family, word: readonly number[], prefixLength: number): Cidr {
  return `${addressOf(family, word)}/${prefixLength}` as Cidr;
}

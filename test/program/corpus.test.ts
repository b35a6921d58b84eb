import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Dut, type Origin } from '../support/dut.js';
import { root, whyNoPrograms } from '../support/object.js';
import { whyNoRawFrames } from '../support/raw-frames.js';
import { fromHex, macBytes } from '../support/packet.js';
import { intoSlots } from '../support/slots.js';
import { pools } from '../support/world.js';
import { addressFromBytes } from '../../src/net/address.js';
import { contains, type Cidr } from '../../src/net/cidr.js';

interface Case {
  readonly id: string;
  readonly family: string;
  readonly program: 'decap' | 'encap';
  readonly expect: string;
  readonly reason: string;
  readonly accept: readonly string[];
  readonly desc: string;
  readonly hex: string;
  readonly test_run: boolean;
  readonly ctx?: { readonly ingress_ifindex?: 'pod' | 'uplink' | 0; readonly mark?: 'own' };
  readonly check?: Readonly<Record<string, string | number | boolean>>;
}

/** Where this datapath answers otherwise than the corpus expects, and why. */
const overrides: Readonly<Record<string, { verdict: string; because: string }>> = {
  'x-ipip-cross-same': {
    verdict: 'DIRECT',
    because: 'its pool route says NOBODY: the program itself writes the real next hop',
  },
  'o-options-fake-udp': {
    verdict: 'PASS_NOT_OURS',
    because: 'behind its options the real UDP port is 53: it is no tunnel packet at all',
  },
};

const corpus = JSON.parse(readFileSync(join(root, 'test/program/corpus.json'), 'utf8')) as Case[];

const missing = whyNoPrograms();
const places = ['hash', 'slots'] as const;
const duts = missing === undefined ? { hash: new Dut(), slots: new Dut() } : undefined;
if (duts !== undefined) intoSlots(duts.slots.tables);
test.after.always(() => {
  for (const place of places) duts?.[place][Symbol.dispose]();
});

function judges(
  t: ExecutionContext,
  { id, ...packet }: Case,
  place: (typeof places)[number],
): void {
  const dut = duts?.[place];
  const direction = packet.program === 'encap' ? 'egress' : 'ingress';
  const origin: Origin = {
    from: ({ pod: 'pod', uplink: 'uplink', 0: 'local' } as const)[packet.ctx?.ingress_ifindex ?? 0],
    mark: packet.ctx?.mark === 'own' ? (dut?.config.ownMark ?? 0) : 0,
  };
  const runs = packet.test_run && dut?.canRun(origin) === true;
  const why = missing ?? whyNoMtu(packet, dut) ?? (runs ? undefined : whyNoRawFrames());
  if (dut === undefined || why !== undefined) {
    t.log(`skipped: ${why ?? ''}`);
    t.pass();
    return;
  }
  const frame = asRouted(packet.program, fromHex(packet.hex), dut.config.nobodyMac);
  const { verdict, packet: out } = runs
    ? dut.run(direction, frame, origin)
    : { verdict: dut.send(direction, frame, packet.test_run ? origin : {}), packet: undefined };

  const override = overrides[id];
  if (override === undefined) {
    t.is(kindOf(verdict), packet.expect, verdict);
    t.true(
      packet.accept.includes(counterOf(verdict)),
      `${verdict} is none of ${packet.accept.join()}`,
    );
  } else {
    t.is(verdict, override.verdict);
    t.log(`instead of ${packet.expect} ${packet.reason}: ${override.because}`);
  }
  if (out === undefined) {
    t.log('this kernel runs no such packet: one was sent, and its bytes are not looked at');
    return;
  }
  if (verdict === 'DECAPSULATED') t.deepEqual(hex(out), hex(innerOf(frame, packet.family)));
  else if (verdict === 'ENCAPSULATED')
    t.deepEqual(hex(innerOf(out, carrierOf(out))), hex(trimmed(frame)));
  else if (verdict !== 'ANSWERED_TOO_BIG')
    t.deepEqual(hex(out), hex(frame), 'the packet was touched');
  for (const [field, expected] of Object.entries(packet.check ?? {}))
    if (!elsewhere.includes(field)) t.is(checks[field]?.(out), expected, field);
}

/** What a program can't know on kernels before 5.12: there the routes alone keep packets small. */
function whyNoMtu({ accept }: Pick<Case, 'accept'>, dut: Dut | undefined): string | undefined {
  return accept.some((counter) => counter.endsWith('too_big')) && dut?.config.checkMtu === 0
    ? 'this kernel has no bpf_check_mtu (Linux 5.12)'
    : undefined;
}

for (const packet of corpus)
  for (const place of places)
    test(`${packet.id}: ${packet.desc} (blocks in ${place})`, judges, packet, place);

/** The corpus' extra assertions, by field; some are what the comparison of bytes above says already. */
const checks: Readonly<Record<string, (out: Uint8Array) => string | number | boolean | undefined>> =
  {
    'out.l3': (out) => (out[14 + 9] === 17 && out[36] === 0x22 ? 'inner' : 'outer'),
    'out.ttl': (out) => out[14 + 8],
    'out.proto': (out) => out[14 + 9],
    'out.dst': (out) => addressFromBytes(out[12] === 0x86 ? out.slice(38, 54) : out.slice(30, 34)),
    'icmp.type': (out) => out[34],
    'icmp.code': (out) => out[35],
    'icmp.mtu': (out) => ((out[40] ?? 0) << 8) | (out[41] ?? 0),
    'icmp6.type': (out) => out[54],
    'icmp6.mtu': (out) => ((out[60] ?? 0) << 8) | (out[61] ?? 0),
    'inner.ttl': (out) => out[14 + 50 + 8],
    leak: (out) => Buffer.from(out).includes('SECRET'),
  };

/** What flow.test.ts shows. */
const elsewhere = ['out.sport'];

/** Packets for a pool take its route, whose next hop is NOBODY; the corpus wrote the router's MAC. */
function asRouted(program: string, frame: Uint8Array, nobodyMac: string): Uint8Array {
  const isIpv6 = frame[12] === 0x86 && frame[13] === 0xdd;
  if (program !== 'encap' || !(isIpv6 || (frame[12] === 0x08 && frame[13] === 0x00))) return frame;
  const truncated = frame.length < (isIpv6 ? 54 : 34);
  const destination = isIpv6 ? frame.slice(38, 54) : frame.slice(30, 34);
  const pooled = !truncated && pools.some(({ cidr }) => holds(cidr, destination));
  const routed = frame.slice();
  if (pooled || truncated) routed.set(macBytes(nobodyMac), 0);
  return routed;
}

function holds(cidr: string, address: Uint8Array): boolean {
  const length = cidr.includes(':') ? 16 : 4;
  return address.length === length && contains(cidr as Cidr, addressFromBytes(address));
}

function kindOf(verdict: string): string {
  const kinds = new Map([
    ['ENCAPSULATED', 'encap'],
    ['DECAPSULATED', 'decap'],
    ['ANSWERED_TOO_BIG', 'icmp'],
  ]);
  return kinds.get(verdict) ?? (verdict.startsWith('DROP_') ? 'drop' : 'pass');
}

function counterOf(verdict: string): string {
  if (verdict === 'ENCAPSULATED' || verdict === 'DECAPSULATED') return 'ok';
  return verdict.replace(/^(PASS|DROP|ANSWERED)_/, '').toLowerCase();
}

/** A frame's Ethernet header with its inner packet behind it, without padding. */
function innerOf(frame: Uint8Array, family: string): Uint8Array {
  const inner = frame.slice(14 + ({ ipip4: 20, vxlan4: 50, vxlan6: 70 }[family] ?? 0));
  return trimmed(Buffer.concat([frame.slice(0, 14), inner]));
}

function carrierOf(frame: Uint8Array): string {
  if (frame[12] === 0x86) return 'vxlan6';
  return frame[14 + 9] === 4 ? 'ipip4' : 'vxlan4';
}

function trimmed(frame: Uint8Array): Uint8Array {
  const isIpv6 = (frame[14] ?? 0) >> 4 === 6;
  const at = isIpv6 ? 18 : 16;
  const bytes = ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
  return frame.slice(0, 14 + (isIpv6 ? 40 : 0) + bytes);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

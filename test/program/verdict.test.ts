import test, { type ExecutionContext } from 'ava';
import type { Cidr } from '../../src/net/cidr.js';
import { verdictNames, type Direction } from '../support/count.js';
import { Dut } from '../support/dut.js';
import type { Exit } from '../support/exit.js';
import { arriving, fromB, inVxlan, patched, pooled, routed, toB, toB6 } from '../support/frames.js';
import { whyNoPrograms } from '../support/object.js';
import { macBytes, type Packet } from '../support/packet.js';
import { fill, nodes } from '../support/world.js';
import { egressExits } from './egress-exits.js';
import { ingressExits } from './ingress-exits.js';

/** Verdicts that a test run can't reach. */
const unreached: Readonly<Record<string, string>> = {
  CUT: 'needs a cutter: cutter.test.ts',
  PIECE: 'needs a cutter: cutter.test.ts',
  SHORTCUT_OUT: 'needs conntrack and a workload’s interface: fast-path.test.ts',
  SHORTCUT_IN: 'needs the same',
  PASS_NO_SHORTCUT: 'needs the same',
  PASS_FLOW_NEW: 'needs the same',
  PASS_FLOW_SHOWN: 'needs the same',
  DROP_NO_HEADROOM: 'the kernel gives it when it is out of memory',
};

const missing = whyNoPrograms();
const dut = missing === undefined ? new Dut() : undefined;
const reached = new Set<string>();
const { b } = nodes;
const forwarded = { from: 'pod' } as const;
test.after.always(() => dut?.[Symbol.dispose]());

function leaves(t: ExecutionContext, direction: Direction, exit: Exit): void {
  if (dut === undefined) return skip(t);
  if (exit.verdict.endsWith('_TOO_BIG') && !tellsMtu(dut))
    return skip(t, 'this kernel has no bpf_check_mtu (Linux 5.12)');
  try {
    exit.given?.(dut);
    const frame = exit.packet instanceof Uint8Array ? exit.packet : exit.packet.bytes();
    const verdict = dut.verdict(direction, frame, exit.origin);
    reached.add(verdict);
    t.is(verdict, exit.verdict);
  } finally {
    fill(dut.tables, 'a');
  }
}

function skip(t: ExecutionContext, why = missing ?? ''): void {
  t.log(`skipped: ${why}`);
  t.pass();
}

function tellsMtu({ config }: Dut): boolean {
  return config.checkMtu === 1;
}

for (const exit of egressExits)
  test.serial(`egress ${exit.verdict}: ${exit.title}`, leaves, 'egress', exit);
for (const exit of ingressExits)
  test.serial(`ingress ${exit.verdict}: ${exit.title}`, leaves, 'ingress', exit);

test.serial(
  'egress DROP_NESTED_TUNNEL: a packet that carries the marks of a tunnel already',
  (t) => {
    if (dut === undefined) return skip(t);
    // The second run meets what the first one made of the packet, and takes it for another's tunnel.
    const underlay = '192.168.0.0/16' as Cidr;
    dut.tables.pools.set(underlay, { blockLengths: [32] });
    dut.tables.blocks.set(`${b.underlay}/32` as Cidr, { peer: 2, policy: 0 });
    const nested = (): bigint =>
      dut.counts().find(({ verdict }) => verdict === 'DROP_NESTED_TUNNEL')?.packets ?? 0n;
    const before = nested();
    t.is(dut.quickly('egress', toB.bytes(), { repeat: 2 }).returnValue, 2);
    t.is(nested(), before + 1n);
    reached.add('DROP_NESTED_TUNNEL');
    dut.tables.pools.delete(underlay);
  },
);

test.serial('behind the egress program only what is for no machine is dropped', (t) => {
  if (dut === undefined) return skip(t);
  const nobody = toB.bytes().slice(0, 6);
  const noIp = Uint8Array.of(
    ...nobody,
    ...toB.bytes().slice(6, 12),
    0x88,
    0xb5,
    ...Array<number>(46).fill(0),
  );
  for (const frame of [toB.bytes(), toB6.bytes(), noIp])
    t.is(dut.runBehind(frame), 'DROP_NO_PROGRAM');
  reached.add('DROP_NO_PROGRAM');
  for (let place = 0; place < nobody.length; place += 1) {
    const almost = patched(toB, place, (nobody[place] ?? 0) ^ 1);
    t.is(dut.runBehind(almost), undefined, `another byte ${place} of the MAC`);
  }
  t.is(dut.runBehind(arriving().udp(1, 4789).bytes()), undefined);
});

test.serial('the switches of the decapsulator', (t) => {
  if (dut === undefined) return skip(t);
  using ours = new Dut('a', { sharedPort: 0 });
  const foreign = arriving().udp(1, 4789).vxlan(4097).eth(b.vtepMac, nodes.a.vtepMac);
  const { verdict } = ours.run('ingress', foreign.ipv4('10.0.0.1', '10.0.0.2').bytes());
  t.is(verdict, 'DROP_VNI_MISMATCH');
  reached.add(verdict);

  using lenient = new Dut('a', { reservedBits: 1, outerOptions: 1 });
  const options = Uint8Array.of(1, 1, 1, 0);
  const inner = fromB.bytes().slice(14 + 50);
  for (const frame of [
    patched(fromB, 42, 0x88),
    patched(fromB, 45, 7),
    vxlanBehind(arriving({ options })).raw(inner).bytes(),
  ]) {
    const { verdict, packet } = lenient.run('ingress', frame);
    t.is(verdict, 'DECAPSULATED');
    t.deepEqual(packet.slice(14), inner);
  }
  const damaged = patched(vxlanBehind(arriving({ options })).raw(inner), 22, 9);
  t.is(lenient.run('ingress', damaged).verdict, 'DROP_OUTER_CSUM');
});

function vxlanBehind(outer: Packet): Packet {
  const header = [8, 0, 0, 0, 0, 0x10, 0, 0, ...macBytes(nodes.a.vtepMac), ...macBytes(b.vtepMac)];
  return outer.udp(50000, 4789, { checksum: 'zero' }).raw(Uint8Array.of(...header, 8, 0));
}

test.serial('every verdict is reached, but for those named with their reason', (t) => {
  if (dut === undefined) return skip(t);
  const names = [...verdictNames(dut.object).values()].filter((name) => name !== 'UNDECIDED');
  t.deepEqual(
    names.filter((name) => !reached.has(name) && (tellsMtu(dut) || !name.endsWith('_TOO_BIG'))),
    Object.keys(unreached),
  );
});

test.serial('a check that is switched off lets pass what it would have dropped', (t) => {
  if (dut === undefined) return skip(t);
  using lenient = new Dut('a', {
    sourceCheck: 'off',
    destinationCheck: 'off',
    allowVxlanFromWorkloads: 1,
    allowIpipFromWorkloads: 1,
  });
  const relay = inVxlan('198.51.100.7', '203.0.113.9').bytes();
  t.is(lenient.run('ingress', relay).verdict, 'DECAPSULATED');
  const tunnel = routed(b.underlay).udp(1, 4789).bytes();
  t.is(lenient.verdict('egress', tunnel, forwarded), 'PASS_NOT_POOL');
  const ipip = routed(b.underlay).ipv4('10.244.1.5', '10.244.2.9').bytes();
  t.is(lenient.verdict('egress', ipip, forwarded), 'PASS_NOT_POOL');
  const spoofed = pooled('198.51.100.7', '10.244.2.9').bytes();
  t.is(lenient.verdict('egress', spoofed, forwarded), 'ENCAPSULATED');
});

test.serial("CHECK_POOL asks only that an address is not another node's", (t) => {
  if (dut === undefined) return skip(t);
  using pool = new Dut('a', { sourceCheck: 'pool', destinationCheck: 'pool' });
  const of = (source: string, destination: string): string =>
    pool.run('ingress', inVxlan(source, destination).bytes()).verdict;
  t.is(of('198.51.100.7', '203.0.113.9'), 'DECAPSULATED');
  t.is(of('10.244.3.9', '10.244.1.5'), 'DROP_INNER_SRC');
  t.is(of('10.244.2.9', '10.244.3.9'), 'DROP_INNER_DST');
  t.is(of('10.244.2.9', '10.245.1.5'), 'DROP_MODE_MISMATCH');
  t.is(of('10.245.2.9', '10.244.1.5'), 'DECAPSULATED'); // between pools the destination's decides
  const leaving = (source: string): string =>
    pool.verdict('egress', pooled(source, '10.244.2.9').bytes(), forwarded);
  t.is(leaving('198.51.100.7'), 'ENCAPSULATED');
  t.is(leaving('10.244.3.9'), 'DROP_SRC_SPOOF');
});

test.serial('traffic is counted by peer', (t) => {
  if (dut === undefined) return skip(t);
  const direct = pooled('10.246.1.5', '10.246.2.9').bytes();
  const before = dut.trafficOf(2);
  dut.run('egress', toB.bytes());
  dut.run('egress', direct);
  dut.run('ingress', fromB.bytes());
  const after = dut.trafficOf(2);
  t.is(after.encapsulated.bytes - before.encapsulated.bytes, BigInt(toB.bytes().length));
  t.is(after.direct.bytes - before.direct.bytes, BigInt(direct.length));
  t.is(after.decapsulated.bytes - before.decapsulated.bytes, BigInt(fromB.bytes().length));
  t.is(after.decapsulated.packets - before.decapsulated.packets, 1n);
});

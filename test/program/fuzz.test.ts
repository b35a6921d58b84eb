import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { BpfError } from 'libbpf-ts';
import { Dut } from '../support/dut.js';
import { fromB, inIpip } from '../support/frames.js';
import { root, whyNoPrograms } from '../support/object.js';
import { fromHex, internetChecksum } from '../support/packet.js';
import { decapsulable } from './policy-model.js';

const runs = 20_000;

const corpus = (
  JSON.parse(readFileSync(join(root, 'test/program/corpus.json'), 'utf8')) as {
    program: string;
    family: string;
    hex: string;
  }[]
)
  .filter(({ program, family }) => program === 'decap' && /4$/.test(family))
  .map(({ hex }) => fromHex(hex));

test(`${runs} damaged packets: decapsulated are those that the policy allows, and no others`, (t) => {
  const missing = whyNoPrograms();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 0x7fffffff);
  t.log(`FUZZ_SEED=${seed}`);
  const random = generator(seed);
  const good = [fromB, inIpip('10.245.2.9', '10.245.1.5').udp(1, 2).raw('ip')].map((p) =>
    p.bytes(),
  );
  using dut = new Dut();
  const before = total(dut);
  let done = 0;
  let allowed = 0;
  while (done < runs) {
    const seeds = random(2) === 0 ? good : corpus;
    const frame = damaged(seeds[random(seeds.length)] ?? new Uint8Array(60), random);
    const out = attempt(dut, frame);
    if (out === undefined) continue;
    done += 1;
    const expected = decapsulable(frame);
    if (expected !== undefined) allowed += 1;
    if (!agrees(frame, out, expected)) {
      t.fail(`FUZZ_SEED=${seed} ${Buffer.from(frame).toString('hex')} gave ${out.action}`);
      return;
    }
  }
  t.is(total(dut) - before, BigInt(runs), 'each packet is counted once');
  t.log(`${allowed} of ${done} were allowed`);
  t.true(allowed > 1000 && allowed < runs / 2, 'both answers are common');
});

interface Result {
  readonly action: number;
  readonly packet: Uint8Array;
}

/** Runs it, unless the kernel refuses a frame that is too short for its EtherType. */
function attempt(dut: Dut, frame: Uint8Array): Result | undefined {
  try {
    const { returnValue, packet } = dut.quickly('ingress', frame);
    return { action: returnValue, packet };
  } catch (error) {
    if (error instanceof BpfError && error.code === 'EINVAL') return undefined;
    throw error;
  }
}

function agrees(frame: Uint8Array, { action, packet }: Result, inner: Uint8Array | undefined) {
  const untouched = Buffer.compare(frame, packet) === 0;
  if (inner === undefined) return action === 2 || (action === -1 && untouched);
  // ECN may change the second byte and the checksum: ecn.test.ts looks at them
  const same = (at: number): boolean => [1, 10, 11].includes(at) || packet[14 + at] === inner[at];
  return action === -1 && packet.length === 14 + inner.length && inner.every((_, at) => same(at));
}

type Random = (below: number) => number;

/** One to three changes: enough to break a rule, few enough to get past the others. */
function damaged(seed: Uint8Array, random: Random): Uint8Array {
  let frame: Uint8Array = seed.slice();
  for (let changes = random(4); changes > 0; changes -= 1) frame = change(frame, random);
  if (random(2) === 0 && frame.length >= 34) {
    frame.fill(0, 24, 26);
    const checksum = internetChecksum(frame.subarray(14, 34));
    frame.set([checksum >> 8, checksum & 255], 24);
  }
  return frame;
}

function change(frame: Uint8Array, random: Random): Uint8Array {
  const at = random(Math.min(frame.length, 100));
  switch (random(6)) {
    case 0:
      return frame.slice(0, Math.max(14, frame.length - random(40)));
    case 1:
      return new Uint8Array([...frame, ...Array.from({ length: random(40) }, () => random(256))]);
    case 2:
      frame[at] = (frame[at] ?? 0) ^ (1 << random(8));
      return frame;
    case 3:
      frame[at] = random(256);
      return frame;
    case 4:
      frame[at] = [0, 1, 4, 5, 20, 63, 64, 127, 255][random(9)] ?? 0;
      return frame;
    default:
      // a block's, a node's or a pool's number where addresses are
      frame[26 + random(58)] = [1, 2, 3, 10, 11, 12, 13, 60, 168, 192, 244, 245][random(12)] ?? 0;
      return frame;
  }
}

/** mulberry32: the same seed, the same packets. */
function generator(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function total(dut: Dut): bigint {
  return dut.counts().reduce((sum, { packets }) => sum + packets, 0n);
}

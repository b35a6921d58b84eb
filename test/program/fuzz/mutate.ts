import { internetChecksum } from '../../support/packet.js';
import { anatomyOf, type Anatomy } from './anatomy.js';
import { pick, type Random } from './random.js';
import type { Row } from './rows.js';

/** Each row cut off at every byte. */
export function* truncations(rows: readonly Row[]): Generator<Row> {
  for (const row of rows)
    for (let length = row.frame.length - 1; length >= 14; length -= 1)
      yield { ...row, frame: row.frame.slice(0, length) };
}

/** Each row with each bit of its first bytes turned over, the outer checksum left as it was and put right. */
export function* bitFlips(rows: readonly Row[]): Generator<Row> {
  for (const row of rows)
    for (let bit = 0; bit < Math.min(row.frame.length, headers) * 8; bit += 1) {
      const frame = row.frame.slice();
      frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      yield { ...row, frame };
      const right = frame.slice();
      rightChecksum(right);
      if (Buffer.compare(right, frame) !== 0) yield { ...row, frame: right };
    }
}

/** Each row with each of its length fields at and around every value that means something. */
export function* lengths(rows: readonly Row[]): Generator<Row> {
  for (const row of rows)
    for (const at of lengthFields(anatomyOf(row.frame)))
      for (const value of tellingLengths(row.frame, at)) {
        const frame = row.frame.slice();
        if (at + 2 > frame.length) continue;
        frame.set([value >> 8, value & 255], at);
        rightChecksum(frame);
        yield { ...row, frame };
      }
}

/** A row with up to four changes: enough to break a rule, few enough to get past the others. */
export function mutation(rows: readonly Row[], random: Random): Row {
  const row = pick(rows, random);
  let frame: Uint8Array = row.frame.slice();
  for (let changes = random(5); changes > 0; changes -= 1)
    frame = pick(mutations, random)(frame, random, rows);
  if (random(4) !== 0) rightChecksum(frame);
  if (frame.length < 14) frame = row.frame.slice(0, 14);
  return {
    ...row,
    frame,
    from: random(8) === 0 ? pick(['local', 'pod', 'uplink'], random) : row.from,
    marked: random(32) === 0 ? !row.marked : row.marked,
  };
}

/** Outer and inner headers with all their options lie in these; what follows is payload. */
const headers = 160;

type Mutation = (frame: Uint8Array, random: Random, rows: readonly Row[]) => Uint8Array;

const mutations: readonly Mutation[] = [
  // a bit, a byte, a byte that means something
  (frame, random) => written(frame, place(frame, random), [1 << random(8)], (a, b) => a ^ b),
  (frame, random) => written(frame, place(frame, random), [random(256)]),
  (frame, random) =>
    written(frame, place(frame, random), [
      pick([0, 1, 4, 5, 6, 17, 20, 41, 63, 64, 127, 255], random),
    ]),
  // cut off, padded
  (frame, random) => frame.slice(0, Math.max(14, frame.length - random(48))),
  (frame, random) => joined(frame, bytes(random(48), random)),
  // a length
  (frame, random) => {
    const fields = lengthFields(anatomyOf(frame));
    if (fields.length === 0) return frame;
    const at = pick(fields, random);
    const value = pick(tellingLengths(frame, at), random);
    return written(frame, at, [value >> 8, value & 255]);
  },
  // an address of another row, the two addresses of a header swapped
  (frame, random, rows) => {
    const mine = anatomyOf(frame).ips;
    const other = pick(rows, random).frame;
    const theirs = anatomyOf(other).ips;
    if (mine.length === 0 || theirs.length === 0) return frame;
    const to = pick(mine, random);
    const from = pick(theirs, random);
    if (to.family !== from.family) return frame;
    const [first, size] = addresses[to.family];
    const taken = from.at + first + random(2) * size;
    return written(frame, to.at + first + random(2) * size, other.subarray(taken, taken + size));
  },
  (frame, random) => {
    const { ips } = anatomyOf(frame);
    if (ips.length === 0) return frame;
    const { at, family } = pick(ips, random);
    const [first, size] = addresses[family];
    const source = frame.slice(at + first, at + first + size);
    const destination = frame.slice(at + first + size, at + first + 2 * size);
    return written(written(frame, at + first, destination), at + first + size, source);
  },
  // the host part of an address: another block, another node
  (frame, random) => {
    const { ips } = anatomyOf(frame);
    if (ips.length === 0) return frame;
    const { at, family } = pick(ips, random);
    const [first, size] = addresses[family];
    return written(frame, at + first + random(2 * size), [pick(numbers, random)]);
  },
  // this row's head, that row's tail: at the same place, or where their headers begin
  (frame, random, rows) => {
    const other = pick(rows, random).frame;
    const [cut, from] =
      random(2) === 0
        ? [random(frame.length), random(other.length)]
        : [border(frame, random), border(other, random)];
    return joined(frame.subarray(0, cut), other.subarray(from));
  },
];

/** Bytes of addresses in the corpus' world. */
const numbers = [
  0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 60, 63, 64, 168, 192, 244, 245, 246, 247, 248, 253, 254, 255,
];

const addresses = { ipv4: [12, 4], ipv6: [8, 16] } as const;

/** Half of the changes are to headers that the programs read for sure. */
function place(frame: Uint8Array, random: Random): number {
  return random(Math.min(frame.length, random(2) === 0 ? 64 : headers));
}

function border(frame: Uint8Array, random: Random): number {
  const { ips, udps, vxlan } = anatomyOf(frame);
  return pick(
    [14, ...ips.map(({ at }) => at), ...udps, ...(vxlan === undefined ? [] : [vxlan, vxlan + 8])],
    random,
  );
}

function lengthFields({ ips, udps }: Anatomy): readonly number[] {
  return [
    ...ips.map(({ at, family }) => at + (family === 'ipv4' ? 2 : 4)),
    ...udps.map((at) => at + 4),
  ];
}

/** What is written, what remains of the frame behind the field, the sizes of headers, and their neighbours. */
function tellingLengths(frame: Uint8Array, at: number): readonly number[] {
  const now = ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
  const left = frame.length - at;
  return [
    ...new Set([0, 8, 16, 20, 28, 40, 48, 60, now, left, left + 2, left + 4, 1500, 0x7fff, 0xffff]),
  ]
    .flatMap((value) => [value - 1, value, value + 1])
    .filter((value) => value >= 0 && value <= 0xffff);
}

function written(
  frame: Uint8Array,
  at: number,
  bytes: ArrayLike<number>,
  how: (before: number, byte: number) => number = (_, byte) => byte,
): Uint8Array {
  for (let index = 0; index < bytes.length && at + index < frame.length; index += 1)
    frame[at + index] = how(frame[at + index] ?? 0, bytes[index] ?? 0);
  return frame;
}

function bytes(count: number, random: Random): Uint8Array {
  return Uint8Array.from({ length: count }, () => random(256));
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([head, tail]));
}

/** Puts the outer IPv4 checksum right: a wrong one hides what stands behind it. */
function rightChecksum(frame: Uint8Array): void {
  const end = 14 + ((frame[14] ?? 0) & 15) * 4;
  if (frame[12] !== 0x08 || frame[13] !== 0 || end < 34 || frame.length < end) return;
  frame.fill(0, 24, 26);
  const checksum = internetChecksum(frame.subarray(14, end));
  frame.set([checksum >> 8, checksum & 255], 24);
}

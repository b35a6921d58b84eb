import test, { type ExecutionContext } from 'ava';
import { whyNoPrograms } from '../support/object.js';
import { Bench } from './fuzz/bench.js';
import { foundRows, minimised, saveFound } from './fuzz/found.js';
import { bitFlips, lengths, mutation, truncations } from './fuzz/mutate.js';
import { generator } from './fuzz/random.js';
import { corpusRows, type Row } from './fuzz/rows.js';
import { seedRows } from './fuzz/seeds.js';
import { variants, type Variant } from './fuzz/variants.js';
import { verdicts } from './reference/outcome.js';
import { atlasOf } from './reference/world.js';

const inCi = process.env['CI'] === 'true';

/**
 * FUZZ_SEED repeats a run, FUZZ_PACKETS sets how long it takes. In CI the packets are the same every time: what it says
 * is of the change at hand, and every other run looks elsewhere.
 */
const seed = Number(process.env['FUZZ_SEED'] ?? (inCi ? 1 : Date.now() % 0x7fffffff));
const packets = Number(process.env['FUZZ_PACKETS'] ?? (inCi ? 1_200_000 : 260_000));

const missing = whyNoPrograms();
const [usual] = variants;
const corpus = usual === undefined ? [] : corpusRows(atlasOf(usual.world.tables));
const found = foundRows();
const rows = [...corpus, ...seedRows(), ...found];
const reached = new Map<string, number>();
let run = 0;
let forwarded = 0;

/** Every packet through programs and reference; then their counters against the reference's tally. */
function agrees(t: ExecutionContext, variant: Variant, source: () => Iterable<Row>): void {
  if (missing !== undefined) return skip(t);
  using bench = new Bench(variant);
  const differences = new Set<string>();
  for (const row of source()) {
    const difference = bench.run(row);
    if (difference === undefined) continue;
    const origin = rows.find(({ id }) => id === row.id);
    const least = minimised(bench, difference, origin);
    const isNew = origin === undefined || Buffer.compare(origin.frame, least.row.frame) !== 0;
    const id = isNew ? saveFound(least, variant.name) : origin.id;
    differences.add(`${id}: ${least.expected}, not ${least.got}`);
    if (differences.size >= 5) break;
  }
  t.deepEqual([...differences], [], `in ${variant.name}, FUZZ_SEED=${seed}`);
  t.deepEqual(bench.miscounted(), [], `FUZZ_SEED=${seed}`);
  for (const [verdict, count] of bench.tally())
    reached.set(verdict, (reached.get(verdict) ?? 0) + count);
  run += bench.packets;
  forwarded += bench.forwarded;
  t.log(`FUZZ_SEED=${seed}: ${bench.packets} packets, ${bench.refused} that no test run takes`);
}

function skip(t: ExecutionContext): void {
  t.log(`skipped: ${missing ?? ''}`);
  t.pass();
}

for (const variant of variants)
  test.serial(`${variant.name}: the reference says the same of every row`, agrees, variant, () => [
    ...rows.filter((row) => !found.some(({ id }) => id === row.id)),
    ...found.filter((row) => row.variant === variant.name),
  ]);

if (usual !== undefined) {
  test.serial('the corpus cut off at every byte', agrees, usual, () => truncations(corpus));
  test.serial('the corpus with every header bit flipped', agrees, usual, () => bitFlips(corpus));
  test.serial('the corpus with every length that means something', agrees, usual, () =>
    lengths(corpus),
  );
}

variants.forEach((variant, place) => {
  test.serial(`${variant.name}: mutations`, agrees, variant, () =>
    mutations(seed + place, (packets - run) / (variants.length - place)),
  );
});

function* mutations(seed: number, count: number): Generator<Row> {
  const random = generator(seed);
  for (let made = 0; made < count; made += 1) yield mutation(rows, random);
}

test.serial('all of it was as many packets as asked for, and left in every way there is', (t) => {
  if (missing !== undefined) return skip(t);
  t.true(run > packets * 0.9, `${run} packets`);
  const ways = new Set([...reached.keys()].map((way) => way.split(' ')[1]));
  t.deepEqual(
    verdicts.filter((verdict) => !ways.has(verdict)),
    [
      ...(forwarded > 0 ? [] : (['DROP_WORKLOAD_TUNNEL', 'DROP_SRC_SPOOF'] as const)),
      // the uplink's MTU is not known to the program, and paths are learned for what may be told
      ...(usual?.world.kernel.tellsMtu === true ? [] : (['DROP_TOO_BIG'] as const)),
    ],
  );
  t.log(
    `${run} packets in ${ways.size} ways: ${[...reached.values()].sort((a, b) => a - b).join(' ')}`,
  );
});

import { cpus, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import { arms, TraceCost, tracedPackets, type Spread } from './cost.js';

// `npm run bench:trace`: what decisions that may be told cost each packet, by BPF_PROG_TEST_RUN. As root.

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '100' } } });
using cost = new TraceCost();
const load = loadavg()[0]?.toFixed(1) ?? '';
console.log(`Linux ${release()}, ${cpus()[0]?.model ?? ''}, load ${load}, ${values.rounds} rounds`);
console.log(`\n| nanoseconds for each packet | ${arms.join(' | ')} |\n|${' --- |'.repeat(6)}`);
for (const packet of tracedPackets) {
  const cells = (await cost.measure([packet], Number(values.rounds))).map(
    ({ arm, ns, more, ratio }) =>
      arm === 'without it'
        ? text(ns)
        : `${more.median >= 0 ? '+' : ''}${text(more)}, ${text(ratio, 2)} times`,
  );
  console.log(`| ${packet.name} | ${cells.join(' | ')} |`);
}

function text({ median, low, high }: Spread, digits = 0): string {
  const [middle, from, to] = [median, low, high].map((value) => value.toFixed(digits));
  return `${middle} [${from}, ${to}]`;
}

import type { Spread } from './throughput.js';

export function title(text: string): void {
  say(`\n── ${text} ${'─'.repeat(Math.max(3, 76 - text.length))}`);
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

export function gigabits(spread: Spread): string {
  return `${figures(spread, 1)} Gbit/s`;
}

export function figures({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} [${min.toFixed(digits)}, ${max.toFixed(digits)}]`;
}

export const picture = `
    a1 a2          b1 b2                              c1 c2        workloads, a namespace each
     │  │           │  │                               │  │
    node-a         node-b                             node-c       encap run, one agent each
  192.168.10.11  192.168.10.12                     192.168.20.11
       └──────┬──────┘                                   │
        192.168.10.0/24 ─────── router ─────── 192.168.20.0/24     the underlay knows no workload
`;

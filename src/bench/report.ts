import { metrics } from './metric.js';
import type { BenchRun } from './result.js';
import type { Interval } from './statistics.js';
import { rowsOf, type Row } from './summary.js';

/** A table as text, cell by cell, for a terminal or for Markdown. */
export interface Grid {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Every metric: the base's median, and the others' ratios to it. */
export function ratioGrid(run: BenchRun): Grid {
  const others = run.plan.variants.filter((variant) => variant !== run.plan.base);
  return {
    head: ['UNDERLAY', 'LOAD', 'METRIC', `BASE ${run.plan.base}`, ...others],
    rows: rowsOf(run).map((row) => [
      row.underlay,
      row.load,
      titleOf(row),
      metrics[row.metric].text(row.base.median),
      ...others.map((variant) => cellText(row, variant)),
    ]),
  };
}

/** What each of our programs costs. */
export function programGrid({ programs }: BenchRun): Grid {
  return {
    head: ['VARIANT', 'UNDERLAY', 'LOAD', 'NODE', 'PROGRAM', 'RUNS', 'NS/RUN'],
    rows: programs.map((cost) => [
      cost.variant,
      cost.underlay,
      cost.load,
      cost.node,
      cost.program,
      String(cost.runs),
      cost.nanosecondsPerRun.toFixed(0),
    ]),
  };
}

/** A ratio with its interval. */
export function ratioText({ median, low, high }: Interval): string {
  return `${median.toFixed(2)}x [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

/** How to read the figures, and on what they were measured. */
export function remarks(run: BenchRun): readonly string[] {
  const { machine, peer, plan } = run;
  const rounds = new Set(run.samples.map(({ round }) => round)).size;
  return [
    `${rounds} paired rounds of ${plan.seconds} s, netfilter rules: ${plan.rules}, order drawn in each (seed ${run.seed}); ratios: median, 95 % bootstrap interval of it`,
    `CPU, round trips and loss: less is better; "${plan.base} again" is the base a second time, so the noise`,
    ...[machine, ...(peer === undefined ? [] : [peer])].map(machineText),
    Object.entries(run.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `${run.startedAt} to ${run.endedAt}: ${run.command.join(' ')}`,
    ...run.absent.map(
      (one) => `not measured: ${'load' in one ? one.load : one.variant}: ${one.why}`,
    ),
    ...(run.complete ? [] : ['interrupted: there are fewer rounds than were asked for']),
  ];
}

/** A machine in a line. */
export function machineText(machine: BenchRun['machine']): string {
  const { name, cpus, cpu, isVirtual, memoryBytes, kernel, system, leaves = [] } = machine;
  const memory = `${(memoryBytes / 2 ** 30).toFixed(0)} GiB`;
  return [
    `${name === undefined ? '' : `${name}: `}${cpus} CPUs ${cpu}${isVirtual ? ' (virtual)' : ''}`,
    ...[memory, `Linux ${kernel}`, system],
    ...leaves.map(
      (leave) => `${leave.path} by ${leave.interface} (${leave.driver}, MTU ${leave.mtu})`,
    ),
  ].join(', ');
}

/** A table as Markdown. */
export function markdownTable({ head, rows }: Grid): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** The report as Markdown. */
export function markdown(run: BenchRun): string {
  const list = remarks(run).map((remark) => `- ${remark}`);
  const programs = run.programs.length === 0 ? [] : [markdownTable(programGrid(run))];
  return `${[markdownTable(ratioGrid(run)), ...programs, list.join('\n')].join('\n\n')}\n`;
}

function titleOf({ metric }: Row): string {
  return metrics[metric].title;
}

function cellText(row: Row, variant: string): string {
  const cell = row.cells.find((one) => one.variant === variant);
  return cell === undefined ? '-' : ratioText(cell.ratio);
}

import { machineText, markdownTable, type Grid } from '../report.js';
import { scaleLines, scaleMetrics, type ScaleLine } from './metric.js';
import type { BenchScale } from './result.js';

/** Every measure, by the number of blocks. */
export function scaleGrid(run: BenchScale): Grid {
  const { blocks } = run.plan;
  return {
    head: ['MEASURE', ...blocks.map((count) => `${countText(count)} BLOCKS`)],
    rows: scaleLines.map((line) => [
      line.title,
      ...blocks.map((count) => cellText(line, valuesOf(run, line, count))),
    ]),
  };
}

/** How to read the figures, and on what they were measured. */
export function scaleRemarks(run: BenchScale): readonly string[] {
  return [
    `${run.plan.rounds} rounds: median [least, most]; of a change p50 and p99 over all of them`,
    'lookup: block_of() on random addresses, one after the other, less the loop around it',
    machineText(run.machine),
    Object.entries(run.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `${run.startedAt} to ${run.endedAt}: ${run.command.join(' ')}`,
    ...run.absent.map(
      ({ blocks, what, why }) => `not measured: ${what}, ${countText(blocks)} blocks: ${why}`,
    ),
    ...(run.complete ? [] : ['interrupted: there are fewer rounds than were asked for']),
  ];
}

export function scaleMarkdown(run: BenchScale): string {
  const list = scaleRemarks(run).map((remark) => `- ${remark}`);
  return `${markdownTable(scaleGrid(run))}\n\n${list.join('\n')}\n`;
}

/** 1k, 250k, 1M; others as they are. */
export function countText(count: number): string {
  if (count % 1_000_000 === 0) return `${count / 1_000_000}M`;
  return count % 1000 === 0 ? `${count / 1000}k` : String(count);
}

function valuesOf({ samples }: BenchScale, { metric }: ScaleLine, count: number): number[] {
  return samples
    .filter((sample) => sample.metric === metric && sample.blocks === count)
    .map(({ value }) => value);
}

function cellText({ metric, of }: ScaleLine, values: readonly number[]): string {
  if (values.length === 0) return '-';
  const [told, least, most] = [of(values), Math.min(...values), Math.max(...values)].map(figure);
  return `${told} ${scaleMetrics[metric].unit} [${least}, ${most}]`;
}

/** Three digits say enough. */
function figure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

import { writeFileSync } from 'node:fs';
import { changesOf, type Change } from '../bench/compare.js';
import { page } from '../bench/html.js';
import { loads } from '../bench/load.js';
import { metrics } from '../bench/metric.js';
import { plotsOf } from '../bench/plots.js';
import {
  markdown,
  programGrid,
  ratioGrid,
  ratioText,
  remarks,
  type Grid,
} from '../bench/report.js';
import { rules } from '../bench/rules.js';
import { kindOf, readRun, type BenchRun } from '../bench/result.js';
import { scaleGrid, scaleMarkdown, scaleRemarks } from '../bench/scale/report.js';
import { readScale, type BenchScale } from '../bench/scale/result.js';
import { scaleName, scaleTitle, suites } from '../bench/suite.js';
import { underlays } from '../bench/underlay.js';
import { variants } from '../bench/variant.js';
import { EncapError, exitCodes } from '../errors.js';
import { print } from './output.js';
import { note, type Session } from './session.js';
import { table } from './table.js';

interface ReportOptions {
  readonly md?: boolean | undefined;
  readonly html?: string | undefined;
}

/** `encap bench report`. */
export async function report(
  session: Session,
  file: string,
  { md, html }: ReportOptions,
): Promise<void> {
  if (kindOf(file) === 'BenchScale') {
    await reportScale(session, file, { md, html });
    return;
  }
  const run = readRun(file);
  if (html !== undefined) {
    await writePage(html, run);
    note(session, `${html} written`);
  }
  if (md === true) process.stdout.write(markdown(run));
  else if (html === undefined)
    await print(session, { document: run, text: () => reportText(session, run) });
}

async function reportScale(
  session: Session,
  file: string,
  { md, html }: ReportOptions,
): Promise<void> {
  if (html !== undefined)
    throw new EncapError(`cannot make a page of ${file}: a run of the suite scale has no plots`, {
      code: 'USAGE',
      hint: 'take the table, or --md',
    });
  const run = readScale(file);
  if (md === true) process.stdout.write(scaleMarkdown(run));
  else await print(session, { document: run, text: () => scaleText(session, run) });
}

/** The table of a run, and how to read it. */
export function scaleText(session: Session, run: BenchScale): string {
  return [
    gridText(session, scaleGrid(run)),
    '',
    ...scaleRemarks(run).map((remark) => session.paint.dim(remark)),
  ].join('\n');
}

export async function writePage(file: string, run: BenchRun): Promise<void> {
  writeFileSync(file, page(run, await plotsOf(run)));
}

/** The tables of a run, and how to read them. */
export function reportText(session: Session, run: BenchRun): string {
  const programs = run.programs.length === 0 ? [] : ['', gridText(session, programGrid(run))];
  return [
    gridText(session, ratioGrid(run)),
    ...programs,
    '',
    ...remarks(run).map((remark) => session.paint.dim(remark)),
  ].join('\n');
}

/** `encap bench compare`. */
export async function compare(
  session: Session,
  earlier: string,
  later: string,
  allowed: number,
): Promise<void> {
  for (const file of [earlier, later])
    if (kindOf(file) === 'BenchScale')
      throw new EncapError(`cannot compare ${file}: it is a run of the suite scale`, {
        code: 'USAGE',
        why: 'only runs of networks have a base that ratios could be taken to',
        hint: `look at the two side by side: encap bench report ${file}`,
      });
  const items = changesOf(readRun(earlier), readRun(later), allowed);
  const document = { apiVersion: 'encap/v1', kind: 'BenchComparison', allowed, items };
  await print(session, {
    document,
    text: () =>
      items.length === 0
        ? 'the two runs have nothing in common'
        : `${changesTable(session, items)}\n${session.paint.dim('later / earlier, more than 1 is better; 95 % bootstrap interval')}`,
  });
  const slower = items.filter(({ isSlower }) => isSlower).length;
  note(session, `${slower} of ${items.length} slower by more than ${(allowed * 100).toFixed(1)} %`);
  if (slower > 0) process.exitCode = exitCodes.degraded;
}

function changesTable(session: Session, items: readonly Change[]): string {
  return table(
    session,
    [
      { title: 'UNDERLAY', of: ({ underlay }) => underlay },
      { title: 'LOAD', of: ({ load }) => load },
      { title: 'METRIC', of: ({ metric }) => metrics[metric].title },
      { title: 'VARIANT', of: ({ variant }) => variant },
      { title: 'GAIN', of: ({ gain }) => ratioText(gain) },
      { title: '', of: ({ isSlower }) => (isSlower ? session.paint.red('slower') : '') },
    ],
    items,
  );
}

/** `encap bench list`. */
export async function list(session: Session): Promise<void> {
  const items = [
    ...rows('suite', { ...suites, [scaleName]: { title: scaleTitle } }),
    ...rows('variant', variants),
    ...rows('underlay', underlays),
    ...rows('rules', rules),
    ...rows('load', loads),
  ];
  await print(session, {
    document: { apiVersion: 'encap/v1', kind: 'BenchList', items },
    names: () => items.map(({ name }) => name),
    text: () =>
      table(
        session,
        [
          { title: 'IS', of: ({ is }) => is },
          { title: 'NAME', of: ({ name }) => name },
          { title: 'WHAT', of: ({ title }) => title },
        ],
        items,
      ),
  });
}

function rows(
  is: string,
  named: Readonly<Record<string, { readonly title: string }>>,
): readonly { readonly is: string; readonly name: string; readonly title: string }[] {
  return Object.entries(named).map(([name, { title }]) => ({ is, name, title }));
}

function gridText(session: Session, { head, rows: lines }: Grid): string {
  const columns = head.map((title, column) => ({
    title,
    of: (cells: readonly string[]) => cells[column],
  }));
  return table(session, columns, lines);
}

import type { Command } from 'commander';
import type { Fault } from '../lab/break.js';
import { examplesOf } from './examples.js';
import { type LabOptions, labSession, verb } from './lab-verb.js';
import { print } from './output.js';
import type { Session } from './session.js';
import { table } from './table.js';

/** `encap lab break`: a fault to look at, with what to look for and what cures it. */
export function breakVerb(parent: Command): void {
  const command = verb(parent, 'break', 'make a fault to learn from; without one: which there are')
    .argument('[fault]', 'mtu, stale-mac, wrong-vni …')
    .option('--undo', 'take it back, as encap lab mend does');
  examplesOf(command, [
    ['sudo encap lab break', 'all faults there are'],
    ['sudo encap lab break stale-mac', 'what was done, where it shows, what cures it'],
    ['sudo encap lab break stale-mac --undo', 'the same as encap lab mend stale-mac'],
  ]).action(async (name: string | undefined, options: LabOptions & { undo?: boolean }) => {
    const session = labSession(command);
    if (name === undefined) return list(session);
    if (options.undo === true) return undo(session, name, options.name);
    const { breakLab } = await import('../lab/break.js');
    const fault = await breakLab(name, options.name);
    await print(session, {
      document: {
        apiVersion: 'encap/v1',
        kind: 'LabFault',
        ...fault,
        observations: fault.observations.map((one) => ({
          ...one,
          run: ['encap', ...one.run],
          exit: one.exit ?? 0,
        })),
      },
      names: () => [fault.name],
      text: () => faultText(session, fault),
    });
  });
}

export function mendVerb(parent: Command): void {
  const command = verb(parent, 'mend', 'take faults back').argument(
    '[fault]',
    'which (default: all that were made)',
  );
  examplesOf(command, [
    ['sudo encap lab mend', 'all of them'],
    ['sudo encap lab mend stale-mac', 'one'],
  ]).action(async (fault: string | undefined, { name }: LabOptions) => {
    await undo(labSession(command), fault, name);
  });
}

async function undo(
  session: Session,
  fault: string | undefined,
  name: string | undefined,
): Promise<void> {
  const { mend } = await import('../lab/break.js');
  const items = await mend(fault, name);
  await print(session, {
    document: { apiVersion: 'encap/v1', kind: 'LabMendingList', items },
    names: () => items,
    text: () => (items.length === 0 ? 'there was no fault to mend' : `mended: ${items.join(', ')}`),
  });
}

async function list(session: Session): Promise<void> {
  const { breaks } = await import('../lab/breaks/index.js');
  const items = breaks.map(({ name, title, isRepaired = false, needs }) => ({
    name,
    title,
    isRepaired,
    needs: needs ?? null,
  }));
  await print(session, {
    document: { apiVersion: 'encap/v1', kind: 'LabFaultList', items },
    names: () => items.map(({ name }) => name),
    text: () =>
      table(
        session,
        [
          { title: 'FAULT', of: ({ name }) => name },
          { title: 'REPAIRED BY', of: ({ isRepaired }) => (isRepaired ? 'encapd' : undefined) },
          { title: 'WHAT', of: ({ title }) => title },
        ],
        items,
      ),
  });
}

function faultText({ paint }: Session, fault: Fault): string {
  const { name, title, observations, cure, isRepaired } = fault;
  return [
    `${paint.bold(name)}   ${title}`,
    ...(isRepaired ? [paint.green('encapd puts this right by itself, within a second')] : []),
    '',
    'look:',
    ...observations.flatMap(({ run, meaning }) => [
      `  sudo encap ${run.map(quoted).join(' ')}`,
      `    ${paint.dim(meaning)}`,
    ]),
    '',
    `cure:  ${cure}`,
    ...(isRepaired ? [] : [`undo:  sudo encap lab mend ${name}`]),
  ].join('\n');
}

/** As a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

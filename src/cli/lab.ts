import { Argument, Option, type Command } from 'commander';
import { EncapError, exitCodes } from '../errors.js';
import type { Removed } from '../lab/down.js';
import type { Pinged } from '../lab/ping.js';
import type { Lab } from '../lab/state.js';
import type { LabStatus } from '../lab/status.js';
import { examplesOf } from './examples.js';
import { print, type View } from './output.js';
import { note, type Session, sessionOf } from './session.js';
import { didYouMean } from './suggest.js';
import { table } from './table.js';

/** `encap lab`: an overlay of network namespaces; nothing outside of them is touched. */
export function define(command: Command): void {
  examplesOf(command, [
    ['sudo encap lab up crosssubnet', 'a router, two subnets, three nodes'],
    ['sudo encap lab ping', 'every workload to every other: who, how, how fast'],
    ['sudo encap lab down', 'as if it had never been there'],
  ]);
  command.helpCommand(false);
  up(command);
  ping(command);
  exec(command);
  status(command);
  down(command);
}

interface LabOptions {
  readonly name?: string;
  readonly json?: boolean;
}

function verb(parent: Command, name: string, summary: string): Command {
  return parent
    .command(name)
    .summary(summary)
    .description(summary)
    .option('--name <name>', 'which lab, where several are up')
    .addOption(new Option('--json', 'as -o json'));
}

/** `--json` is what other tools call the labs with; the same as `-o json`. */
function labSession(command: Command): Session {
  const session = sessionOf(command);
  return command.opts<LabOptions>().json === true ? { ...session, format: 'json' } : session;
}

function up(parent: Command): void {
  const command = verb(parent, 'up', 'build a network, start an agent on each node')
    .addArgument(new Argument('[preset]', 'two, crosssubnet, ipip or mixed').default('crosssubnet'))
    .option('-f, --file <path>', 'Calico resources for the agents (default: those of the preset)');
  examplesOf(command, [
    ['sudo encap lab up', 'the preset crosssubnet'],
    ['sudo encap lab up ipip --name second', 'beside a first one'],
    ['sudo encap lab up two --json', 'namespaces, interfaces, addresses for a script'],
  ]).action(async (preset: string, options: LabOptions & { file?: string }) => {
    const session = labSession(command);
    const [{ up: build }, { presetNames }] = await Promise.all([
      import('../lab/up.js'),
      import('../lab/presets.js'),
    ]);
    const known = presetNames.find((name) => name === preset);
    if (known === undefined) {
      throw new EncapError(`cannot build the lab ${preset}: there is no such preset`, {
        code: 'USAGE',
        hint: await didYouMean(preset, presetNames, 'encap lab up --help'),
      });
    }
    const tick = session.notePaint.green('✔');
    const lab = await build(known, {
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.file === undefined ? {} : { manifests: options.file }),
      onStep: (sentence) => note(session, `${tick} ${sentence}`),
    });
    await print(session, {
      document: lab,
      text: () => labText(session, lab),
      names: () => [lab.name],
    });
  });
}

function labText(session: Session, lab: Lab): string {
  return table(
    session,
    [
      { title: 'NAMESPACE', of: (namespace) => namespace.name },
      { title: 'IS', of: ({ role, node, workload }) => workload ?? node ?? role },
      {
        title: 'NODE',
        of: ({ role, node }) => (role === 'workload' ? node : undefined),
        wide: true,
      },
      {
        title: 'ADDRESSES',
        of: ({ interfaces }) =>
          interfaces
            .filter(({ addresses, name }) => addresses.length > 0 && name !== 'lo')
            .map(({ name, addresses }) => `${name} ${addresses.join(' ')}`)
            .join(', '),
      },
    ],
    lab.namespaces,
  );
}

function ping(parent: Command): void {
  const command = verb(parent, 'ping', 'send from workload to workload and watch the wire')
    .argument('[workload...]', 'from the first to the others (default: all to all)')
    .option('--all', 'all workloads to all (the default)');
  examplesOf(command, [
    ['sudo encap lab ping', 'a matrix: rows send, columns answer'],
    ['sudo encap lab ping a1 c1 c2', 'from one to two others'],
    ['sudo encap lab ping -o json', 'for a script; exit code 7 when one is not reached'],
  ]).action(async ([from, ...to]: readonly string[], { name }: LabOptions) => {
    const session = labSession(command);
    const { ping: send } = await import('../lab/ping.js');
    const items = await send({
      ...(name === undefined ? {} : { name }),
      ...(from === undefined ? {} : { from: [from] }),
      ...(to.length === 0 ? {} : { to }),
    });
    const document = { apiVersion: 'encap/v1', kind: 'PingReport', items };
    await print(session, { document, text: () => matrix(session, items) });
    if (items.some(({ reached }) => !reached)) process.exitCode = exitCodes.degraded;
  });
}

/** Rows send, columns answer. */
function matrix(session: Session, items: readonly Pinged[]): string {
  const senders = [...new Set(items.map(({ from }) => from.name))];
  const receivers = [...new Set(items.map(({ to }) => to.name))].sort();
  const cell = (from: string, to: string): string | undefined => {
    const pinged = items.find((one) => one.from.name === from && one.to.name === to);
    if (pinged === undefined) return undefined;
    if (!pinged.reached) return session.paint.red('lost');
    return `${pinged.how ?? '?'} ${pinged.ms?.toFixed(2) ?? ''}`;
  };
  const legend = 'how it crossed the underlay, and the round trip in ms';
  const grid = table(
    session,
    [
      { title: '', of: (from: string) => from },
      ...receivers.map((to) => ({ title: to, of: (from: string) => cell(from, to) })),
    ],
    senders,
  );
  return session.headers ? `${grid}\n${session.paint.dim(legend)}` : grid;
}

function exec(parent: Command): void {
  const command = verb(parent, 'exec', 'run a command on a node or in a workload')
    .argument('<where>', 'node-a, or a workload: a1')
    .argument('<command...>', 'after --');
  examplesOf(command, [
    ['sudo encap lab exec node-a -- encap status', 'as if logged in there'],
    ['sudo encap lab exec a1 -- ping -c3 10.244.3.5', 'from a workload'],
  ]).action(async (where: string, words: readonly string[], { name }: LabOptions) => {
    const { exec: run } = await import('../lab/exec.js');
    process.exitCode = await run(where, words, name);
  });
}

function status(parent: Command): void {
  const command = verb(parent, 'status', 'the labs that are up').argument('[name]', 'of a lab');
  examplesOf(command, [['sudo encap lab status', 'agents, namespaces, addresses']]).action(
    async (argument: string | undefined, { name = argument }: LabOptions) => {
      const session = labSession(command);
      const items = (await import('../lab/status.js')).status(name);
      if (items.length === 0)
        note(session, 'no lab is up; start one: sudo encap lab up crosssubnet');
      await print(session, statusView(session, items));
      if (items.some(({ healthy }) => !healthy)) process.exitCode = exitCodes.degraded;
    },
  );
}

function statusView(session: Session, items: readonly LabStatus[]): View {
  const rows = items.flatMap((lab) => lab.nodes.map((node) => ({ lab, ...node })));
  return {
    document: { apiVersion: 'encap/v1', kind: 'LabStatusList', items },
    names: () => items.map(({ name }) => name),
    text: () =>
      [
        ...(rows.length === 0 ? [] : [nodesTable(session, rows)]),
        ...items
          .filter(({ missing }) => missing.length > 0)
          .map(
            ({ name, missing }) =>
              `! ${name}: somebody removed ${missing.join(', ')}; encap lab down ${name}`,
          ),
      ].join('\n'),
  };
}

function nodesTable(
  session: Session,
  rows: readonly (LabStatus['nodes'][number] & { readonly lab: LabStatus })[],
): string {
  return table(
    session,
    [
      { title: 'LAB', of: ({ lab }) => lab.name },
      { title: 'NODE', of: ({ name }) => name },
      { title: 'AGENT', of: ({ agent }) => (agent === 'dead' ? session.paint.red(agent) : agent) },
      { title: 'ADDRESS', of: ({ address }) => address },
      { title: 'BLOCK', of: ({ block }) => block },
      {
        title: 'WORKLOADS',
        of: ({ workloads }) =>
          workloads.map(({ name, address }) => `${name} ${address}`).join(', '),
      },
      { title: 'NAMESPACE', of: ({ namespace }) => namespace, wide: true },
      { title: 'LOG', of: ({ log }) => log, wide: true },
    ],
    rows,
  );
}

function down(parent: Command): void {
  const command = verb(parent, 'down', 'remove a lab, all of it')
    .argument('[name]', 'of the lab')
    .option('--all', 'every lab');
  examplesOf(command, [
    ['sudo encap lab down', 'the one that is up'],
    ['sudo encap lab down --all', 'every one'],
  ]).action(
    async (
      argument: string | undefined,
      { name = argument, all }: LabOptions & { all?: boolean },
    ) => {
      const session = labSession(command);
      const [{ down: remove }, { labNames }] = await Promise.all([
        import('../lab/down.js'),
        import('../lab/state.js'),
      ]);
      const items: Removed[] = [];
      for (const each of all === true ? labNames() : [name]) items.push(await remove(each));
      await print(session, {
        document: { apiVersion: 'encap/v1', kind: 'LabRemovalList', items },
        names: () => items.map((removed) => removed.name),
        text: () =>
          items
            .map(
              (removed) =>
                `${removed.name}: removed ${removed.namespaces} namespaces, ${removed.agents} agents, ${removed.pins} pins; nothing is left (checked)`,
            )
            .join('\n'),
      });
    },
  );
}

import { Argument, type Command } from 'commander';
import { exitCodes } from '../errors.js';
import type { Removed } from '../lab/down.js';
import type { Pinged } from '../lab/ping.js';
import type { Lab } from '../lab/state.js';
import type { LabStatus } from '../lab/status.js';
import { examplesOf } from './examples.js';
import { breakVerb, mendVerb } from './lab-break.js';
import { captureVerb } from './lab-capture.js';
import { graphVerb } from './lab-graph.js';
import { type LabOptions, labSession, verb } from './lab-verb.js';
import { define as defineVm } from './lab-vm.js';
import { print, type View } from './output.js';
import { note, type Session } from './session.js';
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
  shell(command);
  status(command);
  graphVerb(command);
  captureVerb(command);
  breakVerb(command);
  mendVerb(command);
  down(command);
  defineVm(command);
}

function up(parent: Command): void {
  const command = verb(parent, 'up', 'build a network, start an agent on each node')
    .addArgument(
      new Argument(
        '[preset|file]',
        'two, crosssubnet, ipip, mixed, dual-stack, scale100, or a file',
      ).default('crosssubnet'),
    )
    .option('-f, --file <path>', 'Calico resources for the agents (default: those of the network)');
  examplesOf(command, [
    ['sudo encap lab up', 'the preset crosssubnet'],
    ['sudo encap lab up ipip --name second', 'beside a first one'],
    ['sudo encap lab up my-network.yaml', 'a network of your own (docs/lab.md)'],
    ['sudo encap lab up two --json', 'namespaces, interfaces, addresses for a script'],
  ]).action(async (word: string, options: LabOptions & { file?: string }) => {
    const session = labSession(command);
    const [{ raise }, { topologyOf }] = await Promise.all([
      import('../lab/up.js'),
      import('./lab-topology.js'),
    ]);
    const { name, topology } = await topologyOf(session, word);
    const tick = session.notePaint.green('✔');
    const lab = await raise(name, topology, {
      name: options.name ?? name,
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
    .option('--all', 'all workloads to all (the default, unless these are many)');
  examplesOf(command, [
    ['sudo encap lab ping', 'a matrix: rows send, columns answer'],
    ['sudo encap lab ping a1 c1 c2', 'from one to two others'],
    ['sudo encap lab ping -o json', 'for a script; exit code 7 when one is not reached'],
  ]).action(async ([from, ...to]: readonly string[], options: LabOptions & { all?: boolean }) => {
    const session = labSession(command);
    const { name, all = false } = options;
    const { ping: send, pairsIn, manyPairs } = await import('../lab/ping.js');
    const pairs = pairsIn(name);
    const ring = from === undefined && !all && pairs > manyPairs;
    if (ring)
      note(session, `! ${pairs} pairs are many: each workload asks the next one alone; --all: all`);
    const items = await send({
      ring,
      ...(name === undefined ? {} : { name }),
      ...(from === undefined ? {} : { from: [from] }),
      ...(to.length === 0 ? {} : { to }),
    });
    const document = { apiVersion: 'encap/v1', kind: 'PingReport', items };
    await print(session, {
      document,
      text: () => (ring ? pairsTable(session, items) : matrix(session, items)),
    });
    if (items.some(({ reached }) => !reached)) process.exitCode = exitCodes.degraded;
  });
}

function pairsTable(session: Session, items: readonly Pinged[]): string {
  return table(
    session,
    [
      { title: 'FROM', of: ({ from }) => from.name },
      { title: 'TO', of: ({ to }) => to.name },
      { title: 'HOW', of: ({ how, reached }) => (reached ? how : session.paint.red('lost')) },
      { title: 'MS', of: ({ ms }) => ms?.toFixed(2) },
    ],
    items,
  );
}

/** Rows send, columns answer. */
function matrix(session: Session, items: readonly Pinged[]): string {
  const senders = [...new Set(items.map(({ from }) => from.name))];
  const receivers = [...new Set(items.map(({ to }) => to.name))].sort();
  const cell = (from: string, to: string): string | undefined => {
    const pings = items.filter((one) => one.from.name === from && one.to.name === to);
    if (pings.length === 0) return undefined;
    return pings
      .map(({ reached, how, ms }) =>
        reached ? `${how ?? '?'} ${ms?.toFixed(2) ?? ''}` : session.paint.red('lost'),
      )
      .join(', ');
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
    .argument('<where>', 'node-a, a workload: a1, or router')
    .argument('<command...>', 'after --');
  examplesOf(command, [
    ['sudo encap lab exec node-a -- encap status', 'as if logged in there'],
    ['sudo encap lab exec a1 -- ping -c3 10.244.3.5', 'from a workload'],
  ]).action(async (where: string, words: readonly string[], { name }: LabOptions) => {
    const { exec: run } = await import('../lab/exec.js');
    process.exitCode = await run(where, words, name);
  });
}

function shell(parent: Command): void {
  const command = verb(
    parent,
    'shell',
    'a shell on a node, in a workload or on the router',
  ).argument('<where>', 'node-a, a workload: a1, or router');
  examplesOf(command, [
    ['sudo encap lab shell node-a', 'SHELL, else bash; `encap` is this one there'],
    ['sudo encap lab shell router', 'between the subnets'],
  ]).action(async (where: string, { name }: LabOptions) => {
    const { shell: run } = await import('../lab/exec.js');
    process.exitCode = await run(where, name);
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
        ...items
          .filter(({ broken }) => broken.length > 0)
          .map(({ name, broken }) => `! ${name} is broken: ${broken.join(', ')}; encap lab mend`),
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
      { title: 'BLOCKS', of: ({ blocks }) => blocks.join(' ') },
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
              ({ name: lab, namespaces, agents, pins, changed }) =>
                `${lab}: removed ${namespaces} namespaces, ${agents} agents, ${pins} pins; nothing is left (checked)` +
                (changed.length === 0
                  ? ''
                  : `\nchanged meanwhile, not by the lab: ${changed.join(', ')}`),
            )
            .join('\n'),
      });
    },
  );
}

import { Argument, type Command } from 'commander';
import { EncapError, exitCodes } from '../errors.js';
import type { Carrier } from '../lab/topology.js';
import type { VmRemoved } from '../lab/vm/down.js';
import type { VmLab } from '../lab/vm/state.js';
import type { VmLabStatus } from '../lab/vm/status.js';
import { examplesOf } from './examples.js';
import { print } from './output.js';
import { note, type Session, sessionOf } from './session.js';
import { table } from './table.js';

/** `encap lab vm`: the same networks of QEMU guests, each with a kernel of its own. */
export function define(parent: Command): void {
  const summary = 'the same networks of QEMU guests, each with a kernel of its own';
  const command = parent.command('vm').summary(summary).description(summary).helpCommand(false);
  examplesOf(command, [
    ['sudo encap lab vm up two --kernel 5.10,6.12', 'two guests, a kernel of Debian’s each'],
    ['sudo encap lab vm exec a1 -- ping -c3 10.244.2.5', 'from one workload to another'],
    ['sudo encap lab vm down', 'ends the guests'],
  ]);
  up(command);
  exec(command);
  status(command);
  down(command);
}

interface UpFlags {
  readonly name?: string;
  readonly kernel: string;
  readonly carrier: string;
  readonly nodes?: string;
  readonly file?: string;
  readonly memory: string;
  readonly timeout: string;
}

function verb(parent: Command, name: string, summary: string): Command {
  return parent
    .command(name)
    .summary(summary)
    .description(summary)
    .option('--name <name>', 'which lab, where several are up');
}

function up(parent: Command): void {
  const command = verb(parent, 'up', 'boot a network of guests, start an agent on each node')
    .addArgument(
      new Argument('[preset|file]', 'two, crosssubnet, ipip, mixed, dual-stack, or a file').default(
        'two',
      ),
    )
    .option(
      '-k, --kernel <list>',
      'for all (6.12), in turn (5.10,6.12), or by name (node-b=7.1)',
      '6.1',
    )
    .option(
      '--carrier <list>',
      'what carries a node: node-b=kernel-vxlan, node-b=kernel-ipip, node-b=encap',
      '',
    )
    .option('--nodes <list>', 'these nodes only')
    .option('-f, --file <path>', 'Calico resources for the agents (default: those of the network)')
    .option('-m, --memory <mib>', 'of each guest', '768')
    .option('-t, --timeout <seconds>', 'how long a guest may take', '180');
  examplesOf(command, [
    ['sudo encap lab vm up', 'two guests in one subnet, VXLAN'],
    ['sudo encap lab vm up crosssubnet -k 5.10,6.1,6.12,7.1', 'three nodes and a router'],
    [
      'sudo encap lab vm up ipip --nodes node-a,node-b --carrier node-b=kernel-ipip',
      'eBPF beside tunl0',
    ],
  ]).action(async (preset: string, flags: UpFlags) => {
    const session = sessionOf(command);
    const [{ upVm }, { topologyOf }] = await Promise.all([
      import('../lab/vm/up.js'),
      import('./lab-topology.js'),
    ]);
    const { name, topology } = await topologyOf(session, preset);
    const tick = session.notePaint.green('✔');
    const kernels = list(flags.kernel);
    const lab = await upVm(name, topology, {
      name: flags.name ?? name,
      ...(flags.file === undefined ? {} : { manifests: flags.file }),
      ...(flags.nodes === undefined ? {} : { nodes: list(flags.nodes) }),
      kernels: { others: kernels.filter((one) => !one.includes('=')), of: named(kernels) },
      carriers: Object.fromEntries(
        Object.entries(named(list(flags.carrier))).map(([node, name]) => [node, carrier(name)]),
      ),
      memoryMiB: count('--memory', flags.memory),
      patienceMs: count('--timeout', flags.timeout) * 1000,
      onStep: (sentence) => {
        note(session, `${tick} ${sentence}`);
      },
    });
    await print(session, {
      document: lab,
      text: () => guestsTable(session, [{ ...lab, state: 'running' }]),
      names: () => [lab.name],
    });
  });
}

function list(text: string): readonly string[] {
  return text.split(',').filter((word) => word !== '');
}

function named(words: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    words.flatMap((word) => {
      const [name, value] = word.split('=');
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}

const carriers: readonly Carrier[] = ['encap', 'kernel-vxlan', 'kernel-ipip', 'kernel-direct'];

function carrier(name: string): Carrier {
  const known = carriers.find((one) => one === name);
  if (known !== undefined) return known;
  throw new EncapError(`cannot carry a node by ${name}`, {
    code: 'USAGE',
    hint: `one of ${carriers.join(', ')}`,
  });
}

function count(flag: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new EncapError(`cannot use ${flag} ${text}: it is a whole number`, {
    code: 'USAGE',
    hint: 'encap lab vm up --help',
  });
}

function exec(parent: Command): void {
  const command = verb(parent, 'exec', 'run a command in a guest or in a workload')
    .argument('<where>', 'node-a, router, or a workload: a1')
    .argument('<command...>', 'after --; its stderr comes with its stdout, it has no stdin');
  examplesOf(command, [
    ['sudo encap lab vm exec node-a -- encap status', 'as if logged in there'],
    ['sudo encap lab vm exec a1 -- ping -c3 10.244.2.5', 'from a workload'],
  ]).action(async (where: string, words: readonly string[], { name }: { name?: string }) => {
    const { execInGuest } = await import('../lab/vm/exec.js');
    process.exitCode = await execInGuest(where, words, name);
  });
}

function status(parent: Command): void {
  const command = verb(parent, 'status', 'the labs of guests that are up').argument(
    '[name]',
    'of a lab',
  );
  examplesOf(command, [['sudo encap lab vm status', 'guests, kernels, how long they took']]).action(
    async (argument: string | undefined, { name = argument }: { name?: string }) => {
      const session = sessionOf(command);
      const items = (await import('../lab/vm/status.js')).statusVm(name);
      if (items.length === 0) note(session, 'no guests are up; start some: sudo encap lab vm up');
      await print(session, {
        document: { apiVersion: 'encap/v1', kind: 'VmLabStatusList', items },
        names: () => items.map((lab) => lab.name),
        text: () => (items.length === 0 ? '' : guestsTable(session, items)),
      });
      if (items.some(({ healthy }) => !healthy)) process.exitCode = exitCodes.degraded;
    },
  );
}

type Shown = Pick<VmLab, 'name' | 'accelerator'> & {
  readonly state?: string;
  readonly guests: readonly (VmLab['guests'][number] | VmLabStatus['guests'][number])[];
};

function guestsTable(session: Session, labs: readonly Shown[]): string {
  const rows = labs.flatMap((lab) =>
    lab.guests.map((guest) => ({ lab, guest, state: 'state' in guest ? guest.state : lab.state })),
  );
  return table(
    session,
    [
      { title: 'LAB', of: ({ lab }) => lab.name },
      { title: 'GUEST', of: ({ guest }) => guest.name },
      {
        title: 'STATE',
        of: ({ state }) => (state === 'ended' ? session.paint.red(state) : state),
      },
      { title: 'KERNEL', of: ({ guest }) => guest.kernel },
      { title: 'CARRIER', of: ({ guest }) => guest.carrier },
      { title: 'ADDRESS', of: ({ guest }) => guest.addresses.join(' ') },
      {
        title: 'WORKLOADS',
        of: ({ guest }) =>
          guest.workloads.map(({ name, address }) => `${name} ${address}`).join(', '),
      },
      {
        title: 'READY',
        of: ({ guest }) =>
          guest.readyMs === undefined ? undefined : `${(guest.readyMs / 1000).toFixed(1)} s`,
      },
      { title: 'BY', of: ({ lab }) => lab.accelerator, wide: true },
      { title: 'LOG', of: ({ guest }) => guest.process?.log, wide: true },
    ],
    rows,
  );
}

function down(parent: Command): void {
  const command = verb(parent, 'down', 'end the guests of a lab')
    .argument('[name]', 'of the lab')
    .option('--all', 'every lab of guests');
  examplesOf(command, [['sudo encap lab vm down', 'the one that is up']]).action(
    async (
      argument: string | undefined,
      { name = argument, all }: { name?: string; all?: boolean },
    ) => {
      const session = sessionOf(command);
      const [{ downVm }, { vmLabNames }] = await Promise.all([
        import('../lab/vm/down.js'),
        import('../lab/vm/state.js'),
      ]);
      const items: VmRemoved[] = [];
      for (const each of all === true ? vmLabNames() : [name]) items.push(await downVm(each));
      await print(session, {
        document: { apiVersion: 'encap/v1', kind: 'VmLabRemovalList', items },
        names: () => items.map((one) => one.name),
        text: () =>
          items
            .map((one) => `${one.name}: ended ${one.guests} guests; no process is left (checked)`)
            .join('\n'),
      });
    },
  );
}

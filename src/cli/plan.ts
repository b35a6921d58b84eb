import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { ForeseenTakeover } from '../datapath/foreseen.js';
import type { Decision } from '../decide/decide.js';
import { EncapError, exitCodes } from '../errors.js';
import type { World } from '../model/assemble.js';
import type { Inventory } from '../model/inventory.js';
import { environmentOf, takesKernelTunnels, type TunnelOptions } from './agent-options.js';
import { examplesOf } from './examples.js';
import { takesNode, takesResources, takesTimeout } from './inputs.js';
import { print } from './output.js';
import { note, type Session, sessionOf } from './session.js';
import { mtuFrom, usualMtu } from './underlay-mtu.js';
import { type OnceOptions, readWorld } from './world.js';

interface PlanOptions extends OnceOptions, TunnelOptions {
  readonly underlayMtu?: number;
  readonly exitCode?: boolean;
}

/** `encap plan`: what a node gets from its resources, or what changes between two; needs neither root nor kernel. */
export function define(command: Command): void {
  takesKernelTunnels(takesTimeout(takesNode(takesResources(command))))
    .argument('[old]', 'file or folder to compare with another; in place of -f')
    .argument('[new]', 'the other one')
    .option(
      '--underlay-mtu <bytes>',
      "of the node's interface (default: this machine's, else 1500)",
      mtuFrom,
    )
    .option(
      '--exit-code',
      '10 where something would change: of two worlds, else of this kernel (needs root)',
    );
  examplesOf(command, [
    ['encap plan -f cluster.d --node node-a', 'pools, peers and blocks of node-a'],
    ['encap plan -f new.yaml --node node-a -o json', 'for a script'],
    ['encap plan now.yaml new.yaml --node node-a', 'what changes, and what connections notice'],
    ['encap plan -c /etc/encap/node.yaml', 'from the datastore of this node, read once'],
    [
      'encap plan -f cluster.d --node node-a --replace-kernel-tunnels',
      'what becomes of Calico’s own tunnel devices',
    ],
    ['sudo encap plan -f cluster.d --exit-code', 'would `encap run` change anything?'],
  ]).action(async (before: string | undefined, after: string | undefined, options: PlanOptions) => {
    const session = sessionOf(command, environmentOf(options, process.env));
    if (before !== undefined) return compare(session, twoOf(before, after, options), options);
    const [{ planOf }, { decide }, { fitWarnings }, { planText }, { world, node }] =
      await Promise.all([
        import('../decide/plan.js'),
        import('../decide/decide.js'),
        import('../decide/fit.js'),
        import('./plan-text.js'),
        readWorld(session, options),
      ]);
    const { inventory } = world;
    const decision = decide(inventory, node);
    const underlayMtu = underlayMtuOf(options, world, decision);
    const plan = planOf(inventory, node, { underlayMtu, decision });
    const warnings = [...decision.warnings, ...fitWarnings(decision, underlayMtu)];
    for (const { subject, message } of warnings) note(session, `! ${subject}: ${message}`);
    const kernelTunnels = await foreseen(inventory, decision, underlayMtu);
    await print(session, {
      document: {
        ...{ apiVersion: 'encap/v1', kind: 'Plan', ...plan },
        ...(kernelTunnels === undefined ? {} : { kernelTunnels }),
      },
      names: () => plan.peers.map(({ name }) => name),
      text: () => planText(session, plan, kernelTunnels),
    });
    if (options.exitCode !== true) return;
    const [{ preview }, { foldersOf }, { Netlink }, { defaultTiming }] = await Promise.all([
      import('../datapath/preview.js'),
      import('../datapath/folders.js'),
      import('libbpf-ts'),
      import('../agent/run.js'),
    ]);
    using netlink = Netlink.open();
    const { changes, faults } = preview(
      decision.desired,
      {
        folders: foldersOf(session.env),
        settings: inventory.settings,
        switching: { delayMs: defaultTiming.delay, graceMs: defaultTiming.grace },
      },
      netlink,
    );
    for (const { message, hint } of faults) note(session, `! ${message}\n  do: ${hint}`);
    note(session, `${changes.length} changes to this kernel. Nothing was done.`);
    if (changes.length > 0) process.exitCode = exitCodes.changes;
  });
}

/** undefined: Calico's own tunnel devices are left alone. */
async function foreseen(
  inventory: Inventory,
  { desired }: Decision,
  underlayMtu: number,
): Promise<ForeseenTakeover | undefined> {
  const way = inventory.settings.kernelTunnels;
  if (way === 'leave') return undefined;
  const [{ foresee }, { tunnelEndsOf }] = await Promise.all([
    import('../datapath/foreseen.js'),
    import('../decide/tunnel-ends.js'),
  ]);
  return foresee(desired, { way, ends: tunnelEndsOf(inventory, desired.node), underlayMtu });
}

function twoOf(
  before: string,
  after: string | undefined,
  { file }: PlanOptions,
): readonly [string, string] {
  if (after !== undefined && file.length === 0) return [before, after];
  throw new EncapError(
    after === undefined
      ? `cannot compare ${before}: the other file is missing`
      : 'cannot compare: files were named both with -f and without',
    {
      code: 'USAGE',
      hint: `name two: encap plan ${before} ${after ?? 'NEW'}; or one, with -f, for all that a node gets`,
    },
  );
}

/** What changes for a node where the resources of one file, or folder, become those of another. */
async function compare(
  session: Session,
  names: readonly [string, string],
  options: PlanOptions,
): Promise<void> {
  const [
    { decide },
    { comparisonOf, comparisonView },
    { defaultTiming },
    { objectSizes: sizesOf },
  ] = await Promise.all([
    import('../decide/decide.js'),
    import('./plan-compare.js'),
    import('../agent/run.js'),
    import('../datapath/reload.js'),
  ]);
  const toldOf = async (name: string) => {
    const { world, node } = await readWorld(session, { ...options, file: [name] });
    const decision = decide(world.inventory, node);
    for (const { subject, message } of decision.warnings)
      note(session, `! ${name}: ${subject}: ${message}`);
    const underlayMtu = underlayMtuOf(options, world, decision);
    return { name, node, inventory: world.inventory, decision, underlayMtu };
  };
  const before = await toldOf(names[0]);
  const after = await toldOf(names[1]);
  const timing = { delayMs: defaultTiming.delay, graceMs: defaultTiming.grace };
  const comparison = comparisonOf(after.node, before, after, { timing, sizesOf });
  await print(session, comparisonView(comparison));
  const { differences, rounds, reload } = comparison;
  const isSame = differences.length + rounds.length === 0 && reload === null;
  if (options.exitCode === true && !isSame) process.exitCode = exitCodes.changes;
}

function underlayMtuOf(
  options: PlanOptions,
  { config }: World,
  { desired: { self } }: Decision,
): number {
  return (
    options.underlayMtu ??
    config?.underlayMtu ??
    localMtu(self.ipv4?.address) ??
    localMtu(self.ipv6?.address) ??
    usualMtu
  );
}

/** Of the interface of this machine that has the address. */
function localMtu(address: string | undefined): number | undefined {
  const [name] =
    Object.entries(networkInterfaces()).find(([, states]) =>
      states?.some((state) => state.address === address),
    ) ?? [];
  return name === undefined
    ? undefined
    : Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8'));
}

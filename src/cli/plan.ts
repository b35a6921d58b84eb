import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { exitCodes } from '../errors.js';
import { examplesOf } from './examples.js';
import { type InputOptions, nodeNameOf, takesNode, takesResources } from './inputs.js';
import { print } from './output.js';
import { note, sessionOf } from './session.js';
import { mtuFrom, usualMtu } from './underlay-mtu.js';
import { readWorld } from './world.js';

interface PlanOptions extends InputOptions {
  readonly underlayMtu?: number;
  readonly exitCode?: boolean;
}

/** `encap plan`: what a node gets from its resources; needs neither root nor kernel. */
export function define(command: Command): void {
  takesNode(takesResources(command))
    .option(
      '--underlay-mtu <bytes>',
      "of the node's interface (default: this machine's, else 1500)",
      mtuFrom,
    )
    .option(
      '--exit-code',
      'compare with this kernel: 10 where something would change (needs root)',
    );
  examplesOf(command, [
    ['encap plan -f cluster.d --node node-a', 'pools, peers and blocks of node-a'],
    ['encap plan -f new.yaml --node node-a -o json', 'for a script'],
    ['sudo encap plan -f cluster.d --exit-code', 'would `encap run` change anything?'],
  ]).action(async (options: PlanOptions) => {
    const session = sessionOf(command);
    const node = nodeNameOf(options.node, session.env);
    const [{ planOf }, { decide }, { fitWarnings }, { planText }, { inventory, config }] =
      await Promise.all([
        import('../decide/plan.js'),
        import('../decide/decide.js'),
        import('../decide/fit.js'),
        import('./plan-text.js'),
        readWorld(session, options, node),
      ]);
    const decision = decide(inventory, node);
    const underlayMtu =
      options.underlayMtu ??
      config?.underlayMtu ??
      localMtu(decision.desired.self.ipv4?.address) ??
      localMtu(decision.desired.self.ipv6?.address) ??
      usualMtu;
    const plan = planOf(inventory, node, { underlayMtu, decision });
    const warnings = [...decision.warnings, ...fitWarnings(decision, underlayMtu)];
    for (const { subject, message } of warnings) note(session, `! ${subject}: ${message}`);
    await print(session, {
      document: { apiVersion: 'encap/v1', kind: 'Plan', ...plan },
      names: () => plan.peers.map(({ name }) => name),
      text: () => planText(session, plan),
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

import type { Netlink } from 'libbpf-ts';
import type { Folders } from '../datapath/folders.js';
import { preview } from '../datapath/preview.js';
import type { Change } from '../datapath/reconcile.js';
import type { State } from '../datapath/state.js';
import type { SwitchTiming } from '../datapath/switching.js';
import { decide, type Decision } from '../decide/decide.js';
import { fitWarnings } from '../decide/fit.js';
import { EncapError, placeText } from '../errors.js';
import type { World } from '../model/assemble.js';
import type { NodeName } from '../model/node.js';
import { finding, type Check, type Finding } from './finding.js';

/** What the resources say of this node; or why they could not be read. */
export interface Cluster {
  readonly world: World | EncapError;
  readonly node: NodeName;
  /** Where they are from: `encap validate` and `encap plan` take the same words. */
  readonly words: string;
  /** What an agent would change; undefined: not to be told. */
  readonly changes: readonly Change[] | EncapError | undefined;
}

export interface Given extends Pick<Cluster, 'node' | 'words'> {
  readonly world: World | EncapError;
  readonly folders: Folders;
  readonly switching: SwitchTiming;
}

/** Compares the kernel with what the resources say. Reads only. */
export function compareWith(netlink: Netlink, given: Given): Cluster {
  const { world, node, words, folders, switching } = given;
  if (world instanceof EncapError || !world.inventory.nodes.has(node))
    return { world, node, words, changes: undefined };
  const { desired } = decide(world.inventory, node);
  try {
    const { settings } = world.inventory;
    return {
      ...{ world, node, words },
      changes: preview(desired, { folders, settings, switching }, netlink).changes,
    };
  } catch (failure) {
    if (!(failure instanceof EncapError)) throw failure;
    return { world, node, words, changes: failure };
  }
}

/** Pure: what contradicts itself in the resources, and where the kernel does not follow. */
export function clusterCheck(cluster: Cluster | undefined, state: State | undefined): Check {
  const subject = 'resources';
  if (cluster === undefined)
    return {
      subject,
      seen: 'none were named: not compared with the kernel (-f PATH or -c FILE)',
      findings: [],
    };
  const { world, node, words } = cluster;
  if (world instanceof EncapError)
    return {
      subject,
      seen: 'not read',
      findings: [
        finding('resources-unread', {
          seen: world.message,
          cure: world.hint ?? `encap validate ${words}`,
        }),
      ],
    };
  const { pools, nodes, blocks } = world.inventory;
  const decision = decide(world.inventory, node);
  return {
    subject,
    seen: `${nodes.size} nodes, ${pools.length} pools, ${blocks.length} blocks of ${words}`,
    findings: [
      ...world.refused.map((problem) =>
        finding('resource-refused', {
          seen: `${placeText(problem)} ${problem.message}`,
          cure: `encap validate ${words}`,
        }),
      ),
      ...(nodes.has(node) ? [] : [noNode(cluster)]),
      ...nodesWithoutAddress(world),
      ...settingFindings(world, decision, state),
      ...changeFindings(cluster),
    ],
  };
}

function noNode({ node, words }: Cluster): Finding {
  return finding('calico-settings', {
    seen: `the resources have no Node ${node}`,
    cure: `name this node as Calico does: encap doctor --node NAME (encap get nodes ${words})`,
  });
}

function nodesWithoutAddress({ inventory }: World): readonly Finding[] {
  const without = [...inventory.nodes.values()]
    .filter(({ ipv4, ipv6 }) =>
      [ipv4, ipv6].every(({ bgp, fallback }) => bgp === undefined && fallback === undefined),
    )
    .map(({ name }) => name);
  return without.length === 0
    ? []
    : [
        finding('node-without-address', {
          seen: `${without.length === 1 ? 'a Node has' : `${without.length} Nodes have`} no address: ${some(without)}`,
          cure: 'see calico/node on it (IP_AUTODETECTION_METHOD): it writes spec.bgp.ipv4Address, or ipv6Address',
        }),
      ];
}

function settingFindings(
  { inventory: { settings } }: World,
  decision: Decision,
  state: State | undefined,
): readonly Finding[] {
  const warnings = [
    ...decision.warnings,
    ...(state === undefined ? [] : fitWarnings(decision, state.uplink.mtu)),
  ];
  return [
    ...warnings.map(({ subject, message }) =>
      finding('calico-settings', {
        seen: `${subject}: ${message}`,
        cure:
          switchedBack(message) ??
          'correct the resource: encap explain ADDRESS says what becomes of its packets',
      }),
    ),
    ...(state !== undefined &&
    (state.vxlan.vni !== settings.vxlanVni || state.vxlan.port !== settings.vxlanPort)
      ? [
          finding('vni-differs', {
            seen: `the programs were loaded with VNI ${state.vxlan.vni} and port ${state.vxlan.port}, the resources say ${settings.vxlanVni} and ${settings.vxlanPort}`,
            cure: 'see FELIX_VXLANVNI, FELIX_VXLANPORT and the NodeConfig of the agent: they go before FelixConfiguration; then start it anew',
          }),
        ]
      : []),
  ];
}

/** How a switch of Felix that is said to be off is given back to Calico's own choice. */
function switchedBack(message: string): string | undefined {
  const [, name] = /FelixConfiguration (\w+) is false/.exec(message) ?? [];
  return name === undefined
    ? undefined
    : `calicoctl patch felixconfiguration default --patch '{"spec":{"${name}":null}}', or change the pool`;
}

function changeFindings({ changes, words }: Cluster): readonly Finding[] {
  if (changes === undefined) return [];
  if (changes instanceof EncapError)
    return [
      finding('tables-differ', {
        seen: changes.message,
        cure: changes.hint ?? `encap plan ${words} --exit-code`,
      }),
    ];
  if (changes.length === 0) return [];
  const counts = new Map<string, number>();
  for (const { table } of changes) counts.set(table, (counts.get(table) ?? 0) + 1);
  const tables = [...counts].map(([table, count]) => `${table} ${count}`).join(', ');
  return [
    finding('tables-differ', {
      seen: `${changes.length} entries of this kernel are not as the resources say: ${tables}`,
      cure: `start the agent, or see its log; what it would change: encap run ${words} --dry-run`,
    }),
  ];
}

function some(names: readonly string[]): string {
  return names.length <= 5
    ? names.join(', ')
    : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
}

import type { Environment } from '../environment.js';
import { felixVariables } from '../felix-environment.js';
import { saidKernelTunnels } from '../kernel-tunnels.js';
import { writtenCidrOrAddress } from '../resources/address.js';
import type { FelixConfiguration, FelixSpec } from '../resources/felix-configuration.js';
import { unsaid, type NodeConfig } from '../resources/node-config.js';
import type { CalicoNode } from '../resources/node.js';
import { parseSelector } from '../selector.js';
import type { Settings } from '../settings.js';

/** Whose word counts for one node's settings. */
export interface SettingsSources {
  readonly felix: readonly FelixConfiguration[];
  /** The node, with its labels; undefined: only what holds for all nodes. */
  readonly node: string | undefined;
  readonly nodes: readonly CalicoNode[];
  readonly config: NodeConfig | undefined;
  /** The operator's calicoNetwork.mtu: it hands it to calico/node as FELIX_*MTU. */
  readonly installationMtu: number | undefined;
  readonly environment: Environment;
}

/** A word on Felix' settings, and where each of its members stands. */
export interface Voice {
  readonly spec: FelixSpec;
  readonly speaker:
    | { readonly from: 'variable'; readonly name: string }
    | { readonly from: 'resource'; readonly resource: FelixConfiguration }
    | { readonly from: 'NodeConfig' | 'Installation' };
}

/** `default`, the selected one, `node.NAME`, our own configuration, the operator, FELIX_*: the later wins. */
export function voicesOf(sources: SettingsSources): readonly Voice[] {
  const { felix, node, environment } = sources;
  const chosen = [
    felix.find((one) => one.name === 'default'),
    selected(sources),
    felix.find((one) => node !== undefined && one.name === `node.${node}`),
  ];
  return [
    ...chosen
      .filter((resource) => resource !== undefined)
      .map((resource): Voice => {
        return { spec: resource.spec, speaker: { from: 'resource', resource } };
      }),
    { spec: ownWords(sources.config ?? unsaid()), speaker: { from: 'NodeConfig' } },
    { spec: operatorMtu(sources.installationMtu), speaker: { from: 'Installation' } },
    ...felixVariables(environment).map(({ name, spec }): Voice => {
      return { spec, speaker: { from: 'variable', name } };
    }),
  ];
}

/** Defaults, then what the voices say. */
export function settingsOf(sources: SettingsSources): Settings {
  const config = sources.config ?? unsaid();
  const spec = Object.assign({}, ...voicesOf(sources).map((voice) => voice.spec)) as FelixSpec;
  return {
    vxlanEnabled: spec.vxlanEnabled,
    ipipEnabled: spec.ipipEnabled,
    vxlanPort: spec.vxlanPort ?? 4789,
    vxlanVni: spec.vxlanVNI ?? 4096,
    mtu: { vxlan: spec.vxlanMTU ?? 0, vxlanV6: spec.vxlanMTUV6 ?? 0, ipip: spec.ipipMTU ?? 0 },
    ipv6Support: spec.ipv6Support ?? true,
    externalNodes: externalNodesOf(spec.externalNodesList ?? []),
    allowVxlanFromWorkloads: spec.allowVXLANPacketsFromWorkloads ?? false,
    allowIpipFromWorkloads: spec.allowIPIPPacketsFromWorkloads ?? false,
    routeSource: spec.routeSource ?? 'CalicoIPAM',
    underlay: { interface: config.interface, mtu: config.underlayMtu ?? 0 },
    kernelTunnels: saidKernelTunnels(sources.environment) ?? config.kernelTunnels ?? 'leave',
    checks: config.checks,
    dscp: config.dscp,
    outerTtl: config.outerTtl,
    sharedVxlanPort: config.sharedVxlanPort,
    receiveMerging: config.receiveMerging,
    fastPath: config.fastPath,
    beyondCalico: config.beyondCalico,
    zeroUdpChecksum: config.zeroUdpChecksum,
    metrics: config.metrics,
    health: config.health,
    log: config.log,
    programClusterRoutes: spec.programClusterRoutes ?? 'EnabledIPIPOnly',
  };
}

/** Of the configurations whose selector takes the node, the oldest counts, then the lowest name: one alone. */
function selected({ felix, node, nodes }: SettingsSources): FelixConfiguration | undefined {
  const labels = nodes.find((one) => one.name === node)?.labels;
  if (labels === undefined) return undefined;
  const [winner] = felix
    .filter(({ name, nodeSelector }) => {
      if (name === 'default' || name.startsWith('node.') || nodeSelector === '') return false;
      const selector = parseSelector(nodeSelector);
      return selector.ok && selector.matches(labels);
    })
    .sort((a, b) => compare(a.created, b.created) || compare(a.name, b.name));
  return winner;
}

function ownWords({ vxlan: { vni, port } }: NodeConfig): FelixSpec {
  return {
    ...(vni === undefined ? {} : { vxlanVNI: vni }),
    ...(port === undefined ? {} : { vxlanPort: port }),
  };
}

function operatorMtu(mtu: number | undefined): FelixSpec {
  return mtu === undefined ? {} : { vxlanMTU: mtu, vxlanMTUV6: mtu, ipipMTU: mtu };
}

/** Felix lets IPv4 only into its sets of accepted outer sources. */
function externalNodesOf(list: readonly string[]): Settings['externalNodes'] {
  const written = list.map(writtenCidrOrAddress).filter((one) => one?.family === 'ipv4');
  return written.flatMap((one) => (one === undefined ? [] : [one.network]));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

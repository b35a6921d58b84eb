import type { World } from './assemble.js';
import type { Document } from './document.js';
import type { Origin, Setting } from './origin.js';
import { type Path, pathText } from './problem.js';
import type { FelixConfiguration, FelixSpec } from './resources/felix-configuration.js';
import type { Resource } from './resources/kinds.js';
import type { CalicoNode } from './resources/node.js';
import { felixSpecOf } from './list.js';
import type { Family } from '../net/address.js';
import { nodeOf } from './translate/node.js';
import { voicesOf, type Voice } from './translate/settings.js';

/** What a NodeConfig alone can say, beside what other commands are told too (datastore, node.name). */
const ownMembers = [
  'node.interfaces',
  'mtu.underlay',
  'kernelTunnels',
  'checks.source',
  'checks.destination',
  'checks.vxlanReservedBits',
  'checks.outerOptions',
  'sharedVxlanPort',
  'receiveMerging',
  'fastPath',
  'dscp',
  'outerTtl',
  'zeroUdpChecksum',
  'beyondCalico.ipv6PoolsOver',
  'beyondCalico.ipv4PoolsOver',
  'beyondCalico.ip6ip',
  'metrics.listen',
  'metrics.perPeer',
  'health.listen',
  'log.level',
] as const;

/** Every setting of a node in a world, and who had the last word on it. */
export function effectiveSettings(world: World): readonly Setting[] {
  return [...nodeFacts(world), ...ownSettings(world), ...felixSettings(world)];
}

/** Where the NodeConfig says something; undefined where it does not. */
export function inNodeConfig({ all, config }: World, member: string): Origin | undefined {
  const document = documentOf(all, config);
  const path = member.split('.');
  return document !== undefined && isWritten(document.value, path)
    ? written('NodeConfig', document, path)
    : undefined;
}

function ownSettings(world: World): Setting[] {
  const { settings } = world.inventory;
  const { interface: name, mtu } = settings.underlay;
  const others: Readonly<Record<string, unknown>> = {
    'node.interfaces': name === undefined ? 'auto' : [name],
    'mtu.underlay': mtu === 0 ? 'auto' : mtu,
  };
  return ownMembers.map((member) => ({
    name: member,
    value: others[member] ?? valueAt(settings, member.split('.')),
    origin: inNodeConfig(world, member) ?? byNobody,
  }));
}

function felixSettings(world: World): Setting[] {
  const voices = voicesOf(world.speakers);
  const spec: Readonly<Record<string, unknown>> = {
    vxlanEnabled: 'auto',
    ipipEnabled: 'auto',
    ...felixSpecOf(world.inventory.settings),
  };
  return Object.entries(spec).map(([name, value]) => {
    const voice = voices.findLast((one) => Object.hasOwn(one.spec, name));
    const isSaid = voice?.spec[name as keyof FelixSpec] !== undefined;
    return { name, value, origin: isSaid ? speakerOf(world, voice, name) : byNobody };
  });
}

const byNobody: Origin = { from: 'default' };

function speakerOf({ all, config }: World, { speaker }: Voice, member: string): Origin {
  switch (speaker.from) {
    case 'variable':
      return speaker;
    case 'resource':
      return inResource(all, speaker.resource, ['spec', member]);
    case 'NodeConfig': {
      const path = ['vxlan', member === 'vxlanVNI' ? 'vni' : 'port'];
      const document = documentOf(all, config);
      return document === undefined ? byNobody : written('NodeConfig', document, path);
    }
    case 'Installation': {
      const installation = all.find(({ resource }) => resource?.kind === 'Installation');
      const path = ['spec', 'calicoNetwork', 'mtu'];
      return installation === undefined
        ? byNobody
        : written('Installation', installation.document, path);
    }
  }
}

function inResource(all: World['all'], resource: FelixConfiguration, path: Path): Origin {
  const document = documentOf(all, resource);
  return document === undefined
    ? byNobody
    : written(`${resource.kind} ${resource.name}`, document, path);
}

/** What the Node resource says of this node: in Calico's words, and in the annotations where Kubernetes keeps it. */
const facts: readonly {
  readonly name: string;
  readonly of: (node: CalicoNode) => string | undefined;
  readonly member: Path;
  readonly annotation: string;
}[] = [
  {
    name: 'node.addressV4',
    of: (node) => addressOf(node, 'ipv4'),
    member: ['spec', 'bgp', 'ipv4Address'],
    annotation: 'IPv4Address',
  },
  {
    name: 'node.addressV6',
    of: (node) => addressOf(node, 'ipv6'),
    member: ['spec', 'bgp', 'ipv6Address'],
    annotation: 'IPv6Address',
  },
  {
    name: 'node.ipv4VXLANTunnelAddr',
    of: ({ spec }) => spec.ipv4VXLANTunnelAddr,
    member: ['spec', 'ipv4VXLANTunnelAddr'],
    annotation: 'IPv4VXLANTunnelAddr',
  },
  {
    name: 'node.vxlanTunnelMACAddr',
    of: ({ spec }) => spec.vxlanTunnelMACAddr,
    member: ['spec', 'vxlanTunnelMACAddr'],
    annotation: 'VXLANTunnelMACAddr',
  },
  {
    name: 'node.ipv6VXLANTunnelAddr',
    of: ({ spec }) => spec.ipv6VXLANTunnelAddr,
    member: ['spec', 'ipv6VXLANTunnelAddr'],
    annotation: 'IPv6VXLANTunnelAddr',
  },
  {
    name: 'node.vxlanTunnelMACAddrV6',
    of: ({ spec }) => spec.vxlanTunnelMACAddrV6,
    member: ['spec', 'vxlanTunnelMACAddrV6'],
    annotation: 'VXLANTunnelMACAddrV6',
  },
  {
    name: 'node.ipv4IPIPTunnelAddr',
    of: ({ spec }) => spec.bgp?.ipv4IPIPTunnelAddr,
    member: ['spec', 'bgp', 'ipv4IPIPTunnelAddr'],
    annotation: 'IPv4IPIPTunnelAddr',
  },
];

/** Its own, else one that Calico finds in its place. */
function addressOf(node: CalicoNode, family: Family): string | undefined {
  const { ipv4Address, ipv6Address } = node.spec.bgp ?? {};
  const own = family === 'ipv4' ? ipv4Address : ipv6Address;
  return own === undefined || own === '' ? nodeOf(node)[family].fallback?.address : own;
}

/** None where there is no such node: then the node is known by its name alone. */
function nodeFacts({ all, nodes, speakers }: World): Setting[] {
  const node = nodes.find(({ name }) => name === speakers.node);
  const source = all.findLast(
    ({ resource }) =>
      resource?.kind === 'Node' && resource.name === node?.name && resource.origin === node.origin,
  );
  if (node === undefined || source === undefined) return [];
  const { document } = source;
  const resource = `Node ${node.name}`;
  return facts.flatMap(({ name, of, member, annotation }): Setting[] => {
    const value = of(node);
    if (value === undefined || value === '') return [];
    const annotations = ['metadata', 'annotations', `projectcalico.org/${annotation}`];
    const places: readonly Path[] =
      node.origin === 'Kubernetes'
        ? [annotations, ['status', 'addresses'], ['spec', 'podCIDR'], ['spec', 'podCIDRs']]
        : [member, ['spec', 'addresses'], ['status', 'podCIDRs']];
    const place = places.find((one) => isWritten(document.value, one)) ?? [];
    const words =
      place === annotations
        ? `annotation projectcalico.org/${annotation} of ${resource}`
        : resource;
    return [{ name, value, origin: written(words, document, place) }];
  });
}

function written(resource: string, document: Document, path: Path): Origin {
  return { from: 'resource', resource, member: pathText(path), spot: document.spot(path) };
}

function documentOf(all: World['all'], resource: Resource | undefined): Document | undefined {
  return resource && all.find((one) => one.resource === resource)?.document;
}

function isWritten(value: unknown, path: Path): boolean {
  return valueAt(value, path) !== undefined;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, step) =>
      typeof at === 'object' && at !== null
        ? (at as Readonly<Record<string | number, unknown>>)[step]
        : undefined,
    value,
  );
}

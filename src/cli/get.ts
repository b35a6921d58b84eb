import { Argument, type Command } from 'commander';
import { EncapError } from '../errors.js';
import type { Item, Listed } from '../model/list.js';
import { examplesOf } from './examples.js';
import { takesNode, takesResources, takesTimeout } from './inputs.js';
import { print } from './output.js';
import { type Session, sessionOf } from './session.js';
import { didYouMean } from './suggest.js';
import { type Column, table } from './table.js';
import { type OnceOptions, readWorld } from './world.js';

/** What can be got, by the names that people of Calico and Kubernetes type. */
const aliases: Readonly<Record<Listed, readonly string[]>> = {
  pools: ['pools', 'pool', 'ippools', 'ippool', 'ipp'],
  nodes: ['nodes', 'node', 'no'],
  blocks: ['blocks', 'block', 'ipamblocks', 'ipamblock'],
  config: ['config', 'felixconfiguration', 'felixconfig', 'felixconfigurations'],
  nodeconfig: ['nodeconfig', 'nodeconfigs'],
};

/** `encap get`: the resources as the program understands them, for reading or for calicoctl. */
export function define(command: Command): void {
  command
    .addArgument(new Argument('<kind>', 'pools, nodes, blocks, config or nodeconfig'))
    .argument('[name...]', 'only these');
  takesTimeout(takesNode(takesResources(command)));
  examplesOf(command, [
    ['encap get pools -f cluster.d', 'defaults and CALICO_* applied, Installation converted'],
    ['encap get ipp default-ipv4-ippool -o yaml', 'one pool, whole'],
    ['encap get blocks -o wide', 'who owns which addresses'],
    ['encap get config --node node-a', 'Felix settings in force on a node'],
    ['encap get nodeconfig -o yaml', 'what lies beyond Calico, with every default'],
    ['encap get blocks --source kubernetes', 'from the datastore itself, read once'],
    ['encap get nodes -o name', 'for a script'],
  ]).action(async (kind: string, names: readonly string[], options: OnceOptions) => {
    const session = sessionOf(command);
    const what = await kindOf(kind);
    const [{ listOf }, { world }] = await Promise.all([
      import('../model/list.js'),
      readWorld(session, options),
    ]);
    const all = listOf(world, what);
    const items = await selected(all.items, names, what);
    await print(session, {
      document: { ...all, items },
      names: () => items.map(({ metadata }) => metadata.name),
      text: () => textOf(session, what, items),
    });
  });
}

async function kindOf(word: string): Promise<Listed> {
  const kinds = Object.keys(aliases) as Listed[];
  const found = kinds.find((kind) => aliases[kind].includes(word.toLowerCase()));
  if (found !== undefined) return found;
  throw new EncapError(`cannot get ${word}: there is no such kind`, {
    code: 'USAGE',
    hint: await didYouMean(word, kinds, 'encap get --help'),
  });
}

async function selected(
  items: readonly Item[],
  names: readonly string[],
  what: Listed,
): Promise<readonly Item[]> {
  if (names.length === 0) return items;
  const known = items.map(({ metadata }) => metadata.name);
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new EncapError(`cannot get ${name}: it is not among the ${what}`, {
      code: what === 'nodes' ? 'NODE_UNKNOWN' : 'USAGE',
      hint: await didYouMean(name, known, `encap get ${what}`),
    });
  }
  return items.filter(({ metadata }) => names.includes(metadata.name));
}

function textOf(session: Session, what: Listed, items: readonly Item[]): string {
  if (what !== 'config' && what !== 'nodeconfig') return table(session, columns[what], items);
  const settings = items
    .flatMap((item) => Object.entries(item.spec ?? item))
    .filter(([member]) => !['apiVersion', 'kind', 'metadata'].includes(member))
    .flatMap(([member, value]) =>
      isRecord(value)
        ? Object.entries(value).map(([part, one]) => [`${member}.${part}`, one] as const)
        : [[member, value] as const],
    );
  return table(
    session,
    [
      { title: 'SETTING', of: ([name]) => name },
      { title: 'VALUE', of: ([, value]) => cell(value) },
    ],
    settings,
  );
}

const name: Column<Item> = { title: 'NAME', of: ({ metadata }) => metadata.name };

/** The value at a path, as a table shows it. */
function at(...path: readonly string[]): (item: Item) => string | undefined {
  return ({ spec }) =>
    cell(path.reduce<unknown>((value, step) => (isRecord(value) ? value[step] : undefined), spec));
}

const columns: Readonly<Record<Exclude<Listed, 'config' | 'nodeconfig'>, readonly Column<Item>[]>> =
  {
    pools: [
      name,
      { title: 'CIDR', of: at('cidr') },
      { title: 'IPIPMODE', of: at('ipipMode') },
      { title: 'VXLANMODE', of: at('vxlanMode') },
      { title: 'BLOCKSIZE', of: at('blockSize') },
      { title: 'NAT', of: at('natOutgoing') },
      { title: 'DISABLED', of: at('disabled') },
      { title: 'ALLOWEDUSES', of: at('allowedUses'), wide: true },
      { title: 'SELECTOR', of: at('nodeSelector'), wide: true },
    ],
    nodes: [
      name,
      { title: 'IPV4', of: at('bgp', 'ipv4Address') },
      { title: 'IPV6', of: at('bgp', 'ipv6Address') },
      { title: 'VXLANTUNNEL', of: at('ipv4VXLANTunnelAddr') },
      { title: 'IPIPTUNNEL', of: at('bgp', 'ipv4IPIPTunnelAddr') },
      { title: 'VXLANTUNNEL6', of: at('ipv6VXLANTunnelAddr'), wide: true },
      { title: 'VTEPMAC', of: at('vxlanTunnelMACAddr'), wide: true },
      { title: 'VTEPMAC6', of: at('vxlanTunnelMACAddrV6'), wide: true },
    ],
    blocks: [
      { title: 'CIDR', of: at('cidr') },
      { title: 'AFFINITY', of: at('affinity') },
      { title: 'USED', of: used },
      { title: 'BORROWED', of: borrowed, wide: true },
    ],
  };

function used({ spec = {} }: Item): string | undefined {
  const { allocations } = spec;
  if (!Array.isArray(allocations)) return undefined;
  const taken = allocations.filter((index: unknown) => index !== null && index !== undefined);
  return String(taken.length);
}

/** Nodes other than the owner that have addresses of the block. */
function borrowed({ spec = {} }: Item): string | undefined {
  const { attributes, affinity } = spec;
  if (!Array.isArray(attributes)) return undefined;
  const nodes = attributes.flatMap((attribute: unknown) => {
    const secondary = isRecord(attribute) ? attribute['secondary'] : undefined;
    const node = isRecord(secondary) ? secondary['node'] : undefined;
    return typeof node === 'string' && `host:${node}` !== affinity ? [node] : [];
  });
  return nodes.length === 0 ? undefined : [...new Set(nodes)].join(',');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function cell(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(String).join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

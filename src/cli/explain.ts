import { type Command, InvalidArgumentError, Option } from 'commander';
import { catalogue, EncapError } from '../errors.js';
import type { NodeName } from '../model/node.js';
import type { Address, Family } from '../net/address.js';
import { type FlowProtocol, flowProtocols, leastBytes } from '../net/packet.js';
import { examplesOf } from './examples.js';
import type { Item } from './explain-text.js';
import { failureDocument, failureOf } from './failure.js';
import { takesNode, takesResources, takesTimeout } from './inputs.js';
import type { AskOptions, Kernel, Sketch } from './kernel-answer.js';
import { print } from './output.js';
import { note, type Session, sessionOf } from './session.js';
import { type OnceOptions, readWorld } from './world.js';

interface ExplainOptions extends OnceOptions {
  readonly from?: string;
  readonly size?: number;
  readonly proto?: FlowProtocol;
  readonly sport?: number;
  readonly dport?: number;
  readonly kernel: boolean;
}

/**
 * `encap explain`: what a node does with packets to an address, and why; needs neither root nor kernel. Where this
 * node's programs are loaded and may be run, they are, and must agree.
 */
export function define(command: Command): void {
  command
    .argument('<destination...>', 'addresses')
    .option('--from <address>', 'address of the sender, which is checked too')
    .option('--size <bytes>', 'of the IP packet (default: what ping sends)', sizeFrom)
    .addOption(
      new Option(
        '--proto <protocol>',
        'what it carries (default: tcp with ports, else icmp)',
      ).choices(flowProtocols),
    )
    .option('--sport <port>', 'source port of tcp or udp (default: 40000)', portFrom)
    .option('--dport <port>', 'destination port of tcp or udp (default: 80)', portFrom)
    .option('--no-kernel', 'only explain: do not run the loaded program beside it');
  takesTimeout(takesNode(takesResources(command)));
  examplesOf(command, [
    ['encap explain 10.244.3.9 -f cluster.d --node node-a', 'from the view of node-a'],
    ['sudo encap explain --from 10.244.1.5 10.244.3.9', 'the sender looked at, the kernel asked'],
    ['sudo encap explain 10.244.3.9 --size 1400 --dport 443', 'of a TCP packet: does it fit?'],
    ['calicoctl get … -o yaml | encap explain 10.244.3.9 -f -', 'of resources from elsewhere'],
    ['encap explain 10.244.3.9 --source kubernetes', 'of what the cluster has now'],
    ['encap explain 10.244.1.5 10.244.3.9 -o json', 'two answers, for a script'],
  ]).action(async (words: readonly string[], options: ExplainOptions) => {
    const session = sessionOf(command);
    const { familyOf, readAddress } = await import('../net/address.js');
    const read = (word: string): Address => readAddress(word) ?? notAnAddress(word);
    const destinations = words.map((word) => ({ word, address: read(word) }));
    const from = options.from === undefined ? undefined : read(options.from);
    const sketch = sketchOf(options);
    for (const { address } of destinations) checkSize(sketch, familyOf(address));
    const [
      { explainer },
      { decide },
      {
        world: { inventory },
        node,
      },
    ] = await Promise.all([
      import('../decide/explain.js'),
      import('../decide/decide.js'),
      readWorld(session, options),
    ]);
    if (!inventory.nodes.has(node)) note(session, unknownNode(node, [...inventory.nodes.keys()]));
    const decision = decide(inventory, node);
    const explain = explainer(inventory, node, decision);
    using kernel = options.kernel ? await kernelFor(session, { decision, sketch }) : undefined;
    const items = destinations.map(({ word, address }): Item => {
      const explanation = explain(address, from, options.size);
      const answer = kernel === undefined ? {} : { kernel: kernel.answer(explanation, from) };
      return { ...explanation, destination: word, ...answer };
    });
    await show(session, { node, from, items });
  });
}

/** Without a datapath there is none to ask, and nothing that needs the kernel is loaded. */
async function kernelFor(session: Session, options: Omit<AskOptions, 'folders'>): Promise<Kernel> {
  const [{ foldersOf }, { checkAccess }, { reasonIn, unasked }] = await Promise.all([
    import('../datapath/folders.js'),
    import('./pinned.js'),
    import('./kernel-unasked.js'),
  ]);
  const folders = foldersOf(session.env);
  try {
    checkAccess(folders.pins);
    const { kernelOf } = await import('./kernel-answer.js');
    return kernelOf({ ...options, folders });
  } catch (error) {
    const failure = failureOf(error);
    if (failure.code === 'UNEXPECTED') throw error;
    return unasked(reasonIn(failure));
  }
}

interface Answers {
  readonly node: NodeName;
  readonly from: Address | undefined;
  readonly items: readonly Item[];
}

/** All answers; then, where the kernel disagrees with one, that is the failure. */
async function show(session: Session, { node, from, items }: Answers): Promise<void> {
  const [failure, { answersText }] = [disagreement(items), await import('./explain-text.js')];
  await print(session, {
    document: {
      apiVersion: 'encap/v1',
      kind: 'Explanation',
      node,
      items,
      ...(failure === undefined ? {} : failureDocument(failureOf(failure))),
    },
    text: () => answersText(session, items, from ?? node),
  });
  if (failure === undefined) return;
  // In a document the failure is a part of it.
  if (session.format === 'json' || session.format === 'yaml')
    process.exitCode = catalogue[failure.code];
  else throw failure;
}

function disagreement(items: readonly Item[]): EncapError | undefined {
  const wrong = items.filter(({ kernel }) => kernel?.asked === true && !kernel.agrees);
  const [first] = wrong.flatMap(({ kernel }) => (kernel?.asked === true ? kernel.differences : []));
  if (first === undefined) return undefined;
  const { what, explained, kernel } = first;
  return new EncapError(
    `cannot trust the explanation of ${wrong.map(({ destination }) => destination).join(', ')}: the kernel disagrees`,
    { code: 'KERNEL_DISAGREES', why: `${what} is ${explained} here, and ${kernel} there` },
  );
}

function sketchOf({ proto, size, sport, dport }: ExplainOptions): Sketch {
  const hasPorts = sport !== undefined || dport !== undefined;
  if (proto === 'icmp' && hasPorts)
    throw new EncapError('cannot explain icmp with ports: it has none', {
      code: 'USAGE',
      hint: 'leave out --sport and --dport, or give --proto tcp or udp',
    });
  return {
    protocol: proto ?? (hasPorts ? 'tcp' : 'icmp'),
    sourcePort: sport ?? 40_000,
    destinationPort: dport ?? 80,
    sizeBytes: size,
  };
}

function checkSize({ protocol, sizeBytes }: Sketch, family: Family): void {
  const least = leastBytes(family, protocol);
  if (sizeBytes !== undefined && sizeBytes < least)
    throw new EncapError(`cannot explain ${protocol} packets of ${sizeBytes} bytes`, {
      code: 'USAGE',
      why: `their headers alone take ${least}`,
      hint: `give the size of the whole IP packet: --size ${least}`,
    });
}

function sizeFrom(text: string): number {
  return wholeFrom(text, { least: 28, most: 65_535, what: 'size of an IP packet in bytes' });
}

function portFrom(text: string): number {
  return wholeFrom(text, { least: 1, most: 65_535, what: 'port' });
}

function wholeFrom(
  text: string,
  { least, most, what }: { readonly least: number; readonly most: number; readonly what: string },
): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`It is no ${what}: ${least} to ${most}.`);
}

function notAnAddress(word: string): never {
  throw new EncapError(`cannot explain ${word}: it is neither an IPv4 nor an IPv6 address`, {
    code: 'USAGE',
    hint: word.includes('/')
      ? `give a single address of it: encap explain ${word.split('/')[0] ?? ''}`
      : 'give addresses: encap explain 10.244.3.9',
  });
}

function unknownNode(node: NodeName, known: readonly NodeName[]): string {
  const list = known.length === 0 ? 'there is no Node at all' : `nodes: ${known.join(', ')}`;
  return `! no Node is called ${node}: its address and subnet are not known (${list}); see --node`;
}

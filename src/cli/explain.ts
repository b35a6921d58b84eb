import type { Command } from 'commander';
import type { Explanation } from '../decide/explain.js';
import { EncapError } from '../errors.js';
import type { NodeName } from '../model/node.js';
import type { Address } from '../net/address.js';
import { examplesOf } from './examples.js';
import { type InputOptions, nodeNameOf, takesNode, takesResources } from './inputs.js';
import { print } from './output.js';
import { note, type Session, sessionOf } from './session.js';
import { readWorld } from './world.js';

interface ExplainOptions extends InputOptions {
  readonly from?: string;
}

/** `encap explain`: what a node does with packets to an address, and why; needs neither root nor kernel. */
export function define(command: Command): void {
  command
    .argument('<destination...>', 'addresses')
    .option('--from <address>', 'address of the sender, which is checked too');
  takesNode(takesResources(command));
  examplesOf(command, [
    ['encap explain 10.244.3.9 -f cluster.d --node node-a', 'from the view of node-a'],
    ['encap explain --from 10.244.1.5 10.244.3.9', 'the sender looked at too'],
    ['calicoctl get … -o yaml | encap explain 10.244.3.9 -f -', 'of resources from elsewhere'],
    ['encap explain 10.244.1.5 10.244.3.9 -o json', 'two answers, for a script'],
  ]).action(async (words: readonly string[], options: ExplainOptions) => {
    const session = sessionOf(command);
    const { readAddress } = await import('../net/address.js');
    const read = (word: string): Address => readAddress(word) ?? notAnAddress(word);
    const destinations = words.map((word) => ({ word, address: read(word) }));
    const from = options.from === undefined ? undefined : read(options.from);
    const node = nodeNameOf(options.node, session.env);
    const [{ explainer }, { inventory }] = await Promise.all([
      import('../decide/explain.js'),
      readWorld(session, options, node),
    ]);
    if (!inventory.nodes.has(node)) note(session, unknownNode(node, [...inventory.nodes.keys()]));
    const explain = explainer(inventory, node);
    // As it was asked for, so that a script finds its answer again.
    const items = destinations.map(({ word, address }) => ({
      ...explain(address, from),
      destination: word,
    }));
    await print(session, {
      document: { apiVersion: 'encap/v1', kind: 'Explanation', node, items },
      text: () => items.map((item) => explanationText(session, item, from ?? node)).join('\n\n'),
    });
  });
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

/** The answer in one line, then how it came about. */
export function explanationText(
  { paint }: Pick<Session, 'paint'>,
  {
    destination,
    steps,
    warnings = [],
    ...verdict
  }: Omit<Explanation, 'destination'> & { readonly destination: string },
  from: string,
): string {
  const width = Math.max(...steps.map(({ title }) => title.length));
  return [
    `${paint.bold(`${from} -> ${destination}`)}   ${answer({ paint }, verdict)}`,
    ...steps.map(
      ({ title, text }, index) => ` ${index + 1} ${paint.dim(title.padEnd(width))}   ${text}`,
    ),
    ...warnings.map((message) => ` ${paint.yellow('!')} ${message}`),
  ].join('\n');
}

function answer(
  { paint }: Pick<Session, 'paint'>,
  { action, via, peer, reason }: Omit<Explanation, 'destination' | 'steps'>,
): string {
  const to = `to ${peer ?? 'nobody'} at ${via ?? 'no address'} (${reason})`;
  switch (action) {
    case 'vxlan':
    case 'ipip':
    case 'ip6ip':
      return `${paint.green(action.toUpperCase())} ${to}`;
    case 'direct':
      return `${paint.cyan('DIRECT')} ${to}`;
    case 'local':
      return `${paint.cyan('LOCAL')} on ${peer ?? 'this node'} (${reason})`;
    case 'none':
      return `${paint.yellow('NONE')} (${reason})`;
  }
}

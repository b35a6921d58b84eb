import { EncapError } from '../../errors.js';
import { encap, nodeEnvironment } from '../agent.js';
import type { Endpoint } from '../endpoint.js';
import { runInside } from '../namespace.js';
import { namespaceOf, type Lab } from '../state.js';

/** What a node's own `encap` says: the text a person would see there. */
export async function ask(lab: Lab, node: string, ...args: readonly string[]): Promise<string> {
  const said = await runInside(namespaceOf(lab.name, node), encap(...args), {
    env: { ...nodeEnvironment(lab.name, node), NO_COLOR: '1' },
  });
  if (said.failed)
    throw new EncapError(`cannot run encap ${args.join(' ')} on ${node}: ${said.stderr.trim()}`, {
      code: 'LAB_FAILED',
      why: `it ended with ${String(said.exitCode)}`,
      hint: `encap lab exec ${node} -- encap ${args.join(' ')}`,
    });
  return said.stdout.trimEnd();
}

/** The arguments of `encap explain` for packets of one workload. */
export function explainArguments(
  lab: Lab,
  from: Endpoint,
  destinations: readonly Endpoint[],
): readonly string[] {
  const to = destinations.map(({ address }) => address);
  return ['explain', '--from', from.address, ...to, '-f', lab.manifests, '--node', from.node];
}

/** What `encap explain` decides for every destination of one workload: address to action. */
export async function decisions(
  lab: Lab,
  from: Endpoint,
  destinations: readonly Endpoint[],
): Promise<ReadonlyMap<string, string>> {
  const said = await ask(
    lab,
    from.node,
    ...explainArguments(lab, from, destinations),
    '-o',
    'json',
  );
  const { items } = JSON.parse(said) as {
    readonly items: readonly { readonly destination: string; readonly action: string }[];
  };
  return new Map(items.map(({ destination, action }) => [destination, action]));
}

import * as abi from '../../../src/datapath/abi.js';
import { foldersOf } from '../../../src/datapath/folders.js';
import { openMaps } from '../../../src/datapath/maps.js';
import { currentGeneration } from '../../../src/datapath/status.js';
import { arrayTable } from '../../../src/datapath/tables/array.js';
import { parseAddress } from '../../../src/net/address.js';
import type { Network } from './network.js';

/** What `encap explain -o json` says of the kernel, as far as tests look at it. */
export interface Explained {
  readonly error?: { readonly code: string };
  readonly items: readonly {
    readonly destination: string;
    readonly action: string;
    readonly kernel: {
      readonly asked: boolean;
      readonly why?: string;
      readonly agrees?: boolean;
      readonly verdict?: string;
      readonly via?: string;
      readonly pushed?: object;
      readonly sentBytes?: number;
      readonly differences?: readonly object[];
    };
  }[];
}

/** Asks node-a, whatever the command ends with. */
export function explained(network: Network, ...words: readonly string[]): Explained {
  const said = network.ended('a', ...wordsOf(network, words), '-o', 'json').stdout;
  return JSON.parse(said) as Explained;
}

export function wordsOf(network: Network, words: readonly string[]): readonly string[] {
  return ['explain', '-f', network.manifests, '--node', 'node-a', ...words];
}

/** Has node-a's programs send to another address what is for the peer at this one, behind the agent's back. */
export function mislead(network: Network, address: string, to: string): void {
  using opened = openMaps(currentGeneration(foldersOf(network.environment('a')), undefined));
  const peers = arrayTable('peers', opened.maps.peers, abi.peer, Object.is);
  const there = [...peers.entries()].find(([, { underlay }]) => underlay === address);
  if (there === undefined) throw new Error(`no peer is at ${address}`);
  const [index, peer] = there;
  peers.put(new Map([[index, { ...peer, underlay: parseAddress(to) }]]));
}

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { firstPeer } from '../../src/datapath/entry.js';
import { foldersOf } from '../../src/datapath/folders.js';
import { Generation } from '../../src/datapath/generation.js';
import { openMaps } from '../../src/datapath/maps.js';
import { heldBlocks } from '../../src/datapath/tables/index.js';
import { seeded } from '../../src/bench/random.js';
import { absentNode, block, resource, type PoolModes } from '../support/network/cluster.js';
import { ip, type Network } from '../support/network/network.js';

export const vxlan = { vxlanMode: 'Always' } as const;

/** Nodes that are declared, and no machine: what is sent to them ends on the wire. */
export const absent = {
  'node-c': '192.168.77.3',
  'node-d': '192.168.77.4',
  'node-e': '192.168.77.5',
} as const;

export type AbsentNode = keyof typeof absent;

/** Their resources. */
export function absentNodes(): readonly object[] {
  return Object.entries(absent).map(([name, address]) =>
    absentNode(name, Number(address.split('.')[3])),
  );
}

/** Their neighbour entries: without them nothing for them would be sent. */
export function knowAbsent(network: Network): void {
  for (const address of Object.values(absent)) {
    const mac = `02:00:00:00:00:0${address.split('.')[3]}`;
    const entry = [address, 'lladdr', mac, 'dev', 'eth0', 'nud', 'permanent'];
    for (const node of ['a', 'b'] as const)
      ip('-n', network.space(node), 'neigh', 'replace', ...entry);
  }
}

/** CIDRs of `count` blocks of the pool that no node of the Network has, 900 at most. */
export function spareBlocks(count: number): readonly string[] {
  return Array.from({ length: count }, (_, place) => {
    const number = place + 64; // 10.244.16.0 is the first
    return `10.244.${number >> 2}.${(number & 3) * 64}/26`;
  });
}

function freeBlock(cidr: string): object {
  const spec = { cidr, allocations: Array.from({ length: 64 }, () => null), attributes: [] };
  return resource('IPAMBlock', nameOf(cidr), spec);
}

function nameOf(cidr: string): string {
  return cidr.replace(/[./]/g, '-');
}

/** Blocks of one node. */
export function blocksOf(cidrs: readonly string[], node: string): readonly object[] {
  return cidrs.map((cidr) => block(cidr, node));
}

/** With each of its two values the programs take another constant: others are loaded and swapped in. */
export function setting(isOn: boolean): object {
  return resource('FelixConfiguration', 'default', { allowVXLANPacketsFromWorkloads: isOn });
}

/** Which node each block is of, as the kernel of a node has it. */
export function ownersOn(network: Network, node: 'a' | 'b'): ReadonlyMap<string, string> {
  const { generation, state } = network.status(node);
  using opened = openMaps(new Generation(foldersOf(network.environment(node)).pins, generation));
  const named = ([cidr, { peer }]: readonly [string, { readonly peer: number }]): [
    string,
    string,
  ] => [
    cidr,
    peer < firstPeer
      ? `node-${node}`
      : ((state?.peers[peer] ?? `peer ${peer}`).split('/').at(-1) ?? ''),
  ];
  return new Map([...heldBlocks(opened.maps)].map(named));
}

/** The ids of programs and maps: what a restart must not change. */
export function identityOf(network: Network, node: 'a' | 'b'): object {
  const { generation, programs, maps } = network.status(node);
  return {
    generation,
    programs: programs.map(({ program, id }) => [program, id]),
    maps: maps.map(({ name, info }) => [name, info.id]),
  };
}

/** Random numbers from 0 to 1, by a seed that the log has; ENCAP_SEED makes them again. */
export function randomOf(t: ExecutionContext): () => number {
  const seed = Number(process.env['ENCAP_SEED'] ?? Date.now() % 1_000_000);
  t.log(`ENCAP_SEED=${seed}`);
  return seeded(seed);
}

/** One of a list. */
export function oneOf<Item>(list: readonly Item[], random: () => number): Item {
  if (list.length === 0) throw new RangeError('there is nothing to choose from');
  return list[Math.floor(random() * list.length)] as Item;
}

/** A folder of resources in which each block is a file of its own, which one change replaces. */
export class BlockFolder {
  readonly path: string;
  readonly owners = new Map<string, string>();

  constructor(network: Network, modes: PoolModes = vxlan) {
    this.path = join(network.scratch, 'cluster.d');
    mkdirSync(this.path);
    network.declare(modes, absentNodes(), this.file('cluster'));
  }

  /** undefined: no node's any more, as Calico leaves a block that it may give to another one. */
  give(cidr: string, owner: string | undefined): void {
    if (owner === undefined) this.owners.delete(cidr);
    else this.owners.set(cidr, owner);
    const beside = join(this.path, '.next');
    writeFileSync(
      beside,
      JSON.stringify(owner === undefined ? freeBlock(cidr) : block(cidr, owner)),
    );
    renameSync(beside, this.file(nameOf(cidr)));
  }

  /** Takes a block out of the world. The agent waits until nothing more is deleted. */
  delete(cidr: string): void {
    this.owners.delete(cidr);
    rmSync(this.file(nameOf(cidr)));
  }

  file(name: string): string {
    return join(this.path, `${name}.yaml`);
  }
}

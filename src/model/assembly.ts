import { isDeepStrictEqual } from 'node:util';
import type { Cidr } from '../net/cidr.js';
import {
  assembled,
  type Assembled,
  type AssembleOptions,
  type UnderstoodFiles,
} from './assemble.js';
import type { Block } from './block.js';
import type { Inventory } from './inventory.js';
import { identityIn, PlainBlock, sameBlock } from './plain-block.js';
import type { Problem } from './problem.js';
import type { Resource } from './resources/kinds.js';
import type { IpamBlock } from './resources/ipam-block.js';
import { blockOf } from './translate/block.js';
import type { Understood } from './understand.js';
import { nodeNamesIn, strangeOwners } from './unknown-nodes.js';
import { blocksAndPools, poolsIn, type WrittenPool } from './whole.js';

/** A world, what is wrong with it, and what is different in it. */
export interface Edition {
  readonly inventory: Inventory;
  readonly problems: readonly Problem[];
  /** By CIDR, the blocks that are not as in the last edition; undefined: anything may be different. */
  readonly changed: ReadonlyMap<Cidr, Block | undefined> | undefined;
}

/** The world of a source that reads the same resources again and again, all of them or some. */
export class Assembly {
  readonly #options: Omit<AssembleOptions, 'before'>;
  #standing: Standing | undefined;

  constructor(options: Omit<AssembleOptions, 'before'>) {
    this.#options = options;
  }

  /** All anew. */
  whole(files: UnderstoodFiles): Edition {
    const before = this.#standing;
    this.#standing = standingOf(assembled(files, { ...this.#options, before }), files.all);
    const { inventory, problems } = this.#standing;
    const changed = before === undefined ? undefined : differing(before, this.#standing);
    return { inventory, problems, changed };
  }

  /**
   * What one file holds takes the place of what it held before. undefined: it takes more than its blocks to tell what
   * becomes of the world, and nothing was changed.
   */
  replace(
    file: string,
    before: readonly Understood[],
    after: readonly Understood[],
  ): Edition | undefined {
    const standing = this.#standing;
    if (standing?.spoken.has(file) !== false) return undefined;
    const replacement = replacementOf(before, after);
    if (replacement === undefined || !fits(replacement, standing)) return undefined;
    const { gone, fresh, affinities } = replacement;
    for (const name of affinities.gone) standing.others.delete(name);
    for (const name of affinities.fresh) standing.others.add(name);
    for (const block of gone.values()) {
      standing.good.delete(block.name);
      standing.blocks.delete(block.cidr);
    }
    for (const block of fresh.values()) {
      standing.good.set(block.name, block);
      standing.blocks.set(block.cidr, block);
    }
    const { inventory, problems } = standing;
    return { inventory, problems, changed: changedIn(replacement) };
  }
}

/** A world, and what tells whether some of its blocks stand for themselves. */
interface Standing {
  readonly inventory: Inventory;
  readonly problems: readonly Problem[];
  readonly good: Map<string, Resource>;
  /** The blocks of the inventory, which is read from here: it has the newest. */
  readonly blocks: Map<Cidr, IpamBlock>;
  /** CIDRs that more than one resource is about, or a resource that is not plain. */
  readonly entangled: ReadonlySet<Cidr>;
  /** What all resources are called that are not plain blocks, or plain ones that do not count. */
  readonly others: Set<string>;
  /** Files that findings between resources have a place in. */
  readonly spoken: ReadonlySet<string>;
  readonly pools: readonly WrittenPool[];
  readonly nodeNames: ReadonlySet<string>;
  /** No block was written: podCIDRs are the blocks. */
  readonly isHostLocal: boolean;
}

function standingOf(world: Assembled, all: readonly Understood[]): Standing {
  const blocks = new Map<Cidr, IpamBlock>();
  for (const block of world.blocks) blocks.set(block.cidr, block);
  const others = all.filter((one) => !(one instanceof PlainBlock));
  const names = new Set(others.flatMap((one) => identityIn(one) ?? []));
  const entangled = new Set<Cidr>();
  for (const one of all) {
    const { resource } = one;
    if (resource?.kind !== 'IPAMBlock') continue;
    const { name, cidr } = resource;
    // Another one of its name or its CIDR, or a contest, keeps it out.
    const counts = world.good.get(name) === resource && blocks.get(cidr) === resource;
    if (!counts) names.add(name);
    if (!counts || !(one instanceof PlainBlock)) entangled.add(cidr);
  }
  return {
    inventory: { ...world.inventory, blocks: new Blocks(blocks) },
    problems: [...world.refused, ...world.warnings],
    good: new Map(world.good),
    blocks,
    entangled,
    others: names,
    spoken: new Set(
      world.findings.flatMap(({ document, beside }) => [
        document.file,
        ...(beside === undefined ? [] : [beside]),
      ]),
    ),
    pools: poolsIn(others),
    nodeNames: nodeNamesIn(others),
    isHostLocal: !all.some(({ resource }) => resource?.kind === 'IPAMBlock'),
  };
}

/** Blocks as decisions are made of them, made when they are asked for: there may be a million. */
class Blocks implements Iterable<Block> {
  readonly #blocks: ReadonlyMap<Cidr, IpamBlock>;

  constructor(blocks: ReadonlyMap<Cidr, IpamBlock>) {
    this.#blocks = blocks;
  }

  *[Symbol.iterator](): IterableIterator<Block> {
    for (const block of this.#blocks.values()) yield blockOf(block);
  }
}

/** Blocks by name: those that there are no more, or not so any more, and those in their place. */
interface Replacement {
  readonly gone: ReadonlyMap<string, PlainBlock>;
  readonly fresh: ReadonlyMap<string, PlainBlock>;
  /** What BlockAffinities are called: nothing else of them counts. */
  readonly affinities: { readonly gone: ReadonlySet<string>; readonly fresh: ReadonlySet<string> };
}

/** undefined where there is more than blocks without faults and their affinities, or one of them twice. */
function replacementOf(
  before: readonly Understood[],
  after: readonly Understood[],
): Replacement | undefined {
  const [gone, fresh] = [byName(before), byName(after)];
  if (gone === undefined || fresh === undefined) return undefined;
  return {
    gone: gone.blocks,
    fresh: fresh.blocks,
    affinities: { gone: gone.affinities, fresh: fresh.affinities },
  };
}

function byName(
  all: readonly Understood[],
): { blocks: Map<string, PlainBlock>; affinities: Set<string> } | undefined {
  const blocks = new Map<string, PlainBlock>();
  const affinities = new Set<string>();
  for (const one of all) {
    const name = identityIn(one);
    if (name === undefined || blocks.has(name) || affinities.has(name)) return undefined;
    if (one instanceof PlainBlock) blocks.set(name, one);
    else if (one.resource?.kind === 'BlockAffinity' && one.findings.length === 0)
      affinities.add(name);
    else return undefined;
  }
  return { blocks, affinities };
}

/** Whether all other resources, and all that is to be said of them, are the same with the one as with the other. */
function fits({ gone, fresh, affinities }: Replacement, standing: Standing): boolean {
  const { good, blocks, entangled, others, pools, nodeNames, isHostLocal } = standing;
  if (isHostLocal || blocks.size - gone.size + fresh.size === 0) return false;
  for (const name of affinities.fresh)
    if (!affinities.gone.has(name) && others.has(name)) return false;
  const cidrs = new Set<Cidr>();
  for (const { cidr } of gone.values()) {
    if (entangled.has(cidr)) return false;
    cidrs.add(cidr);
  }
  const taken = new Set<Cidr>();
  const changed: PlainBlock[] = [];
  for (const block of fresh.values()) {
    const { name, cidr } = block;
    const before = gone.get(name);
    if (before === undefined && (good.has(name) || others.has(name))) return false;
    if (entangled.has(cidr) || taken.has(cidr)) return false;
    if (blocks.has(cidr) && !cidrs.has(cidr)) return false;
    taken.add(cidr);
    if (before === undefined || !sameBlock(before, block)) changed.push(block);
  }
  return (
    blocksAndPools(pools, changed).length === 0 && strangeOwners(changed, nodeNames).length === 0
  );
}

function changedIn({ gone, fresh }: Replacement): Map<Cidr, Block | undefined> {
  const changed = new Map<Cidr, Block | undefined>();
  for (const [name, { cidr }] of gone)
    if (fresh.get(name)?.cidr !== cidr) changed.set(cidr, undefined);
  for (const [name, block] of fresh) {
    const before = gone.get(name);
    if (before === undefined || !sameBlock(before, block)) changed.set(block.cidr, blockOf(block));
  }
  return changed;
}

/** The blocks that are different; undefined where something else is. */
function differing(before: Standing, after: Standing): Edition['changed'] {
  const rest = ({ inventory }: Standing): unknown => ({ ...inventory, blocks: undefined });
  if (!isDeepStrictEqual(rest(before), rest(after))) return undefined;
  const changed = new Map<Cidr, Block | undefined>();
  for (const cidr of before.blocks.keys())
    if (!after.blocks.has(cidr)) changed.set(cidr, undefined);
  for (const [cidr, block] of after.blocks) {
    const there = before.blocks.get(cidr);
    if (there === undefined || !sameBlock(there, block)) changed.set(cidr, blockOf(block));
  }
  return changed;
}

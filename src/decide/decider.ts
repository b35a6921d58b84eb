import type { Block } from '../model/block.js';
import type { Owner } from '../model/desired.js';
import type { Inventory } from '../model/inventory.js';
import type { NodeName } from '../model/node.js';
import { hostCidr, type Cidr } from '../net/cidr.js';
import { allocationIn, borrowedOf, isRouted, type Claim, type EnclosingClaim } from './claim.js';
import { decided, ownerOf, type Decided, type Decision, type Ways } from './decide.js';
import { Shares } from './shares.js';
import { Surroundings } from './surroundings.js';

/** Blocks by CIDR as they are now; undefined: there is none any more. */
export type ChangedBlocks = ReadonlyMap<Cidr, Block | undefined>;

/** A decision, and whose owner is another than in the one before. */
export interface Redecision extends Decision {
  /** By CIDR, the owner in the last decision; undefined: anything may be different. */
  readonly touched: ReadonlyMap<Cidr, Owner | undefined> | undefined;
}

/**
 * Decides for a node again and again. Where only blocks changed and nothing else depends on them, it decides for those
 * alone, by the same functions, in the tables that it gave last time: older decisions are not to be used any more.
 */
export class Decider {
  readonly #self: NodeName;
  #last: Standing | undefined;

  constructor(self: NodeName) {
    this.#self = self;
  }

  /** `changed`: the blocks that are not as in the last inventory; undefined: anything may be different. */
  decide(inventory: Inventory, changed?: ChangedBlocks): Redecision {
    const last = this.#last;
    // left behind in between, it must not be built upon
    this.#last = undefined;
    const touched =
      last === undefined || changed === undefined ? undefined : patched(last, changed, this.#self);
    if (last !== undefined && touched !== undefined) {
      this.#last = last;
      return { ...last.decision, touched };
    }
    this.#last = standingOf(inventory, this.#self);
    return { ...this.#last.decision, touched: undefined };
  }
}

/** A whole decision, and what the ones for single blocks are worked out from. */
interface Standing extends Decided {
  readonly routeSource: Inventory['settings']['routeSource'];
  readonly surroundings: Surroundings;
  readonly shares: Shares;
  readonly ways: Ways;
}

function standingOf(inventory: Inventory, self: NodeName): Standing {
  const whole = decided(inventory, self);
  return {
    ...whole,
    routeSource: inventory.settings.routeSource,
    surroundings: new Surroundings(whole.claims),
    shares: new Shares(whole),
    ways: new Map(),
  };
}

/** The owners of all that these blocks have to do with; undefined: more than that depends on them. */
function patched(
  standing: Standing,
  changed: ChangedBlocks,
  self: NodeName,
): ReadonlyMap<Cidr, Owner | undefined> | undefined {
  if (standing.routeSource !== 'CalicoIPAM') return undefined;
  const touched = new Map<Cidr, Owner | undefined>();
  for (const [cidr, block] of changed) {
    if (!standing.surroundings.isAlone(cidr, block)) return undefined;
    for (const [key, claim] of claimsIn(cidr, block, standing, self)) {
      const before = standing.blocks.get(key);
      if (!settle(key, claim, standing)) return undefined;
      if (!touched.has(key)) touched.set(key, before);
    }
  }
  return touched;
}

/** All that a block has a say in: itself, its borrowed addresses now and before, addresses known from elsewhere. */
function claimsIn(
  cidr: Cidr,
  block: Block | undefined,
  { surroundings, claims: { references } }: Standing,
  self: NodeName,
): Map<Cidr, Claim | undefined> {
  const node = block?.node;
  const own: Claim | undefined = node === undefined ? undefined : { node, by: 'block' };
  const claims = new Map<Cidr, Claim | undefined>([[cidr, own]]);
  const borrowed = block === undefined ? [] : borrowedOf(block);
  const around = own === undefined ? [] : [{ claim: own, isExact: false }];
  for (const address of surroundings.replaceBorrowed(cidr, borrowed))
    claims.set(hostCidr(address), undefined);
  if (block !== undefined)
    for (const address of borrowed) claims.set(hostCidr(address), allocationIn(block, address));
  for (const address of surroundings.referencesIn(cidr)) {
    const key = hostCidr(address);
    const allocated = claims.get(key);
    const enclosing: EnclosingClaim[] =
      allocated === undefined ? around : [...around, { claim: allocated, isExact: true }];
    const reference = references.get(address);
    claims.set(
      key,
      reference !== undefined && isRouted(reference, enclosing, self) ? reference : allocated,
    );
  }
  return claims;
}

/** Puts a claim and its owner in the tables; false: others than this entry depend on it. */
function settle(key: Cidr, claim: Claim | undefined, standing: Standing): boolean {
  const { claims, blocks, ground, ways, shares } = standing;
  const before = blocks.get(key);
  if (claims.claims.has(key) !== (before !== undefined)) return false; // told in warnings, with others
  if (claim === undefined) {
    claims.claims.delete(key);
    blocks.delete(key);
    return shares.move(key, before, undefined);
  }
  const owner = ownerOf(key, claim, ground, ways);
  if (!('peer' in owner)) return false;
  claims.claims.set(key, claim);
  blocks.set(key, owner);
  return shares.move(key, before, owner);
}

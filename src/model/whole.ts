import { placeText } from '../errors.js';
import { type Finding, headOf } from './check.js';
import type { Document } from './document.js';
import type { Path } from './problem.js';
import { type Cidr, contains, prefixLengthOf } from '../net/cidr.js';
import { overlap, writtenCidr, writtenCidrOrAddress } from './resources/address.js';
import type { IpamBlock } from './resources/ipam-block.js';
import type { IpPool } from './resources/ip-pool.js';
import type { CalicoNode } from './resources/node.js';
import * as z from 'zod';
import { identityIn, PlainBlock } from './plain-block.js';
import type { Understood } from './understand.js';
import { unknownNodes } from './unknown-nodes.js';

/** What is wrong between resources: overlaps, things that are there twice, blocks without a pool. */
export function wholeFindings(
  all: readonly Understood[],
  contested: readonly Contest[] = contestedBlocks(all),
): Finding[] {
  const blocks = blocksIn(all);
  return [
    ...twiceNamed(all),
    ...overlappingPools(all),
    ...contested.map(({ finding }) => finding()),
    ...blocksAndPools(poolsIn(all), blocks),
    ...sharedAddresses(all),
    ...unknownNodes(all),
  ];
}

function placeOf(document: Document, path: Path): string {
  return placeText(document.spot(path));
}

function twiceNamed(all: readonly Understood[]): Finding[] {
  const first = new Map<string, Understood>();
  return all.flatMap((one): Finding[] => {
    const identity = identityIn(one);
    if (identity === undefined) return [];
    const earlier = first.get(identity);
    if (earlier === undefined) {
      first.set(identity, one);
      return [];
    }
    const { document } = one;
    const { kind = '', name = '' } = headOf(document.value);
    const path = ['metadata', 'name'];
    const message = `${kind}(${name}) already exists (${placeOf(earlier.document, path)})`;
    return [{ document, path, message, beside: earlier.document.file }];
  });
}

interface PoolClaim {
  readonly document: Document;
  readonly path: Path;
  readonly name: string;
  readonly cidr: Cidr;
}

const writtenPool = z.object({
  kind: z.literal('IPPool'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({ cidr: z.string() }),
});

/** Pools by what they claim, however wrong the rest of them is. */
function poolClaims(one: Understood): PoolClaim[] {
  if (one instanceof PlainBlock) return [];
  const { document, resource } = one;
  if (resource?.kind === 'Installation')
    return resource.pools.map(({ name, spec }, index) => ({
      document,
      path: ['spec', 'calicoNetwork', 'ipPools', index, 'cidr'],
      name,
      cidr: spec.cidr,
    }));
  const parsed = writtenPool.safeParse(document.value);
  if (!parsed.success) return [];
  const cidr = writtenCidr(parsed.data.spec.cidr)?.network;
  return cidr === undefined
    ? []
    : [{ document, path: ['spec', 'cidr'], name: parsed.data.metadata.name, cidr }];
}

/** Each pool is compared with those before it, as if they were created one after the other. */
function overlappingPools(all: readonly Understood[]): Finding[] {
  const earlier: PoolClaim[] = [];
  return all.flatMap(poolClaims).flatMap((pool): Finding[] => {
    const found = earlier
      .filter((other) => other.name !== pool.name && overlap(other.cidr, pool.cidr))
      .map((other) => ({
        document: pool.document,
        path: pool.path,
        message: `IPPool(${pool.name}) CIDR overlaps with IPPool(${other.name}) CIDR ${other.cidr} (${placeOf(other.document, other.path)})`,
      }));
    earlier.push(pool);
    return found;
  });
}

/** A block that was understood. */
export type UnderstoodBlock = Understood & { readonly resource: IpamBlock };

function blocksIn(all: readonly Understood[]): UnderstoodBlock[] {
  return all.filter((one): one is UnderstoodBlock => one.resource?.kind === 'IPAMBlock');
}

/** One of two claims on a block, and what to say of it. */
export interface Contest {
  readonly claim: UnderstoodBlock;
  readonly finding: () => Finding;
}

/** Blocks that two nodes claim: no packet for them can be sent rightly. */
export function contestedBlocks(all: readonly Understood[]): Contest[] {
  const first = new Map<string, UnderstoodBlock>();
  return blocksIn(all).flatMap((claim): Contest[] => {
    const { cidr, node } = claim.resource;
    const earlier = first.get(cidr);
    if (earlier === undefined) {
      first.set(cidr, claim);
      return [];
    }
    if (earlier.resource.node === node) return [];
    return [contest(claim, earlier), contest(earlier, claim)];
  });
}

function contest(claim: UnderstoodBlock, other: UnderstoodBlock): Contest {
  const [mine, theirs] = [claim.resource.node ?? 'nobody', other.resource.node ?? 'nobody'];
  const path = ['spec', 'affinity'];
  return {
    claim,
    finding: () => ({
      document: claim.document,
      path,
      message: `block ${claim.resource.cidr} is claimed by ${mine} here and by ${theirs} at ${placeOf(other.document, path)}`,
    }),
  };
}

/** A pool, and where it is written. */
export interface WrittenPool {
  readonly document: Document;
  readonly pool: IpPool;
  readonly path: Path;
}

/** All that are understood, the operator's too. */
export function poolsIn(all: readonly Understood[]): WrittenPool[] {
  return all.flatMap((one): WrittenPool[] => {
    if (one instanceof PlainBlock) return [];
    const { document, resource } = one;
    if (resource?.kind === 'IPPool') return [{ document, pool: resource, path: ['spec'] }];
    if (resource?.kind !== 'Installation') return [];
    return resource.pools.map((pool, index) => ({
      document,
      pool,
      path: ['spec', 'calicoNetwork', 'ipPools', index],
    }));
  });
}

/** Blocks outside all pools, and those of another size than their pool says. */
export function blocksAndPools(
  pools: readonly WrittenPool[],
  blocks: readonly UnderstoodBlock[],
): Finding[] {
  if (pools.length === 0) return [];
  const told = new Set<IpPool>();
  return blocks.flatMap((one): Finding[] => {
    const { cidr } = one.resource;
    const around = pools.filter(({ pool }) => contains(pool.spec.cidr, cidr));
    if (around.length === 0) {
      const message = `block ${cidr} is in no pool: nothing is encapsulated for it`;
      const { document } = one;
      return [{ document, severity: 'warning', path: ['spec', 'cidr'], message }];
    }
    const size = prefixLengthOf(cidr);
    return around
      .filter(({ pool }) => pool.spec.blockSize !== size && !told.has(pool) && around.length === 1)
      .map(({ document: other, pool, path }) => {
        told.add(pool);
        const message = `IPPool blocksSize conflicts with existing allocations that use a different blockSize; block ${cidr} (${placeOf(one.document, ['spec', 'cidr'])}) is no /${pool.spec.blockSize}`;
        const beside = one.document.file;
        return { document: other, path: [...path, 'blockSize'], message, beside };
      });
  });
}

function nodesIn(all: readonly Understood[]): { document: Document; node: CalicoNode }[] {
  return all.flatMap((one) =>
    one.resource?.kind === 'Node' ? [{ document: one.document, node: one.resource }] : [],
  );
}

/** Two nodes with one address: Felix takes the lowest name. */
function sharedAddresses(all: readonly Understood[]): Finding[] {
  const owners = new Map<string, string>();
  return nodesIn(all).flatMap(({ document, node }): Finding[] => {
    const bgp = [node.spec.bgp?.ipv4Address, node.spec.bgp?.ipv6Address];
    return bgp.flatMap((text, index): Finding[] => {
      const address = text === undefined ? undefined : writtenCidrOrAddress(text)?.address;
      if (address === undefined) return [];
      const owner = owners.get(address) ?? node.name;
      owners.set(address, owner);
      if (owner === node.name) return [];
      const path = ['spec', 'bgp', index === 0 ? 'ipv4Address' : 'ipv6Address'];
      const message = `${address} is the address of ${owner} too: routes to it take the lowest name, ${[owner, node.name].sort()[0] ?? owner}`;
      return [{ document, severity: 'warning', path, message }];
    });
  });
}

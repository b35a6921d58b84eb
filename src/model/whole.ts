import type { Finding } from './check.js';
import type { Document } from './document.js';
import type { Path } from './problem.js';
import { type Cidr, contains, prefixLengthOf } from '../net/cidr.js';
import { overlap, writtenCidr, writtenCidrOrAddress } from './resources/address.js';
import type { IpamBlock } from './resources/ipam-block.js';
import type { IpPool } from './resources/ip-pool.js';
import type { CalicoNode } from './resources/node.js';
import { z } from 'zod';
import { identityOf, type Understood } from './understand.js';
import { unknownNodes } from './unknown-nodes.js';

/** What is wrong between resources: overlaps, things that are there twice, blocks without a pool. */
export function wholeFindings(all: readonly Understood[]): Finding[] {
  return [
    ...twiceNamed(all),
    ...overlappingPools(all),
    ...contestedBlocks(all),
    ...blocksAndPools(all),
    ...sharedAddresses(all),
    ...unknownNodes(all),
  ];
}

function placeOf(document: Document, path: Path): string {
  const { file, line, column } = document.spot(path);
  return `${file}:${line}:${column}`;
}

function twiceNamed(all: readonly Understood[]): Finding[] {
  const first = new Map<string, Document>();
  return all.flatMap(({ document }): Finding[] => {
    const identity = identityOf(document);
    if (identity === undefined) return [];
    const earlier = first.get(identity);
    if (earlier === undefined) {
      first.set(identity, document);
      return [];
    }
    const [kind, name] = identity.split('/').slice(-2);
    const path = ['metadata', 'name'];
    return [
      {
        document,
        path,
        message: `${kind ?? ''}(${name ?? ''}) already exists (${placeOf(earlier, path)})`,
      },
    ];
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
function poolClaims({ document, resource }: Understood): PoolClaim[] {
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

function blocksIn(all: readonly Understood[]): { document: Document; block: IpamBlock }[] {
  return all.flatMap(({ document, resource }) =>
    resource?.kind === 'IPAMBlock' ? [{ document, block: resource }] : [],
  );
}

/** Blocks that two nodes claim: no packet for them can be sent rightly. */
export function contestedBlocks(all: readonly Understood[]): Finding[] {
  const first = new Map<string, { document: Document; block: IpamBlock }>();
  return blocksIn(all).flatMap(({ document, block }): Finding[] => {
    const earlier = first.get(block.cidr);
    if (earlier === undefined) {
      first.set(block.cidr, { document, block });
      return [];
    }
    if (earlier.block.node === block.node) return [];
    const [one, other] = [earlier.block.node ?? 'nobody', block.node ?? 'nobody'];
    const path = ['spec', 'affinity'];
    return [
      {
        document,
        path,
        message: `block ${block.cidr} is claimed by ${other} here and by ${one} at ${placeOf(earlier.document, path)}`,
      },
      {
        document: earlier.document,
        path,
        message: `block ${block.cidr} is claimed by ${one} here and by ${other} at ${placeOf(document, path)}`,
      },
    ];
  });
}

function blocksAndPools(all: readonly Understood[]): Finding[] {
  const pools = all.flatMap(
    ({ document, resource }): { document: Document; pool: IpPool; path: Path }[] => {
      if (resource?.kind === 'IPPool') return [{ document, pool: resource, path: ['spec'] }];
      if (resource?.kind !== 'Installation') return [];
      return resource.pools.map((pool, index) => ({
        document,
        pool,
        path: ['spec', 'calicoNetwork', 'ipPools', index],
      }));
    },
  );
  if (pools.length === 0) return [];
  const told = new Set<IpPool>();
  return blocksIn(all).flatMap(({ document, block }): Finding[] => {
    const around = pools.filter(({ pool }) => contains(pool.spec.cidr, block.cidr));
    if (around.length === 0) {
      const message = `block ${block.cidr} is in no pool: nothing is encapsulated for it`;
      return [{ document, severity: 'warning', path: ['spec', 'cidr'], message }];
    }
    const size = prefixLengthOf(block.cidr);
    return around
      .filter(({ pool }) => pool.spec.blockSize !== size && !told.has(pool) && around.length === 1)
      .map(({ document: other, pool, path }) => {
        told.add(pool);
        const message = `IPPool blocksSize conflicts with existing allocations that use a different blockSize; block ${block.cidr} (${placeOf(document, ['spec', 'cidr'])}) is no /${pool.spec.blockSize}`;
        return { document: other, path: [...path, 'blockSize'], message };
      });
  });
}

function nodesIn(all: readonly Understood[]): { document: Document; node: CalicoNode }[] {
  return all.flatMap(({ document, resource }) =>
    resource?.kind === 'Node' ? [{ document, node: resource }] : [],
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

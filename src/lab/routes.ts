import { cidrOf } from '../net/cidr.js';
import type { Address } from '../net/address.js';
import {
  routersOf,
  segmentNamed,
  type LabRouter,
  type RouterPort,
  type Segment,
  type Topology,
} from './topology.js';

/** One router on a way, and its ports there. */
export interface Hop {
  readonly router: LabRouter;
  readonly enters: RouterPort;
  readonly leaves: RouterPort;
}

/** The routers from one segment to another, as few as there can be; undefined where none leads there. */
export function wayBetween(
  topology: Topology,
  from: string,
  to: string,
): readonly Hop[] | undefined {
  const seen = new Set([from]);
  const queue: { readonly at: string; readonly way: readonly Hop[] }[] = [{ at: from, way: [] }];
  for (const { at, way } of queue) {
    if (at === to) return way;
    for (const router of routersOf(topology)) {
      const enters = router.ports.find(({ segment }) => segment === at);
      if (enters === undefined) continue;
      for (const leaves of router.ports.filter(({ segment }) => !seen.has(segment))) {
        seen.add(leaves.segment);
        queue.push({ at: leaves.segment, way: [...way, { router, enters, leaves }] });
      }
    }
  }
  return undefined;
}

/**
 * Lines of `ip -batch`: routes to all segments but one's own; `gateway`: what the default route leads to, which needs
 * no other.
 */
export function routesFrom(
  topology: Topology,
  own: readonly string[],
  gateway?: string,
): readonly string[] {
  return topology.segments
    .filter(({ name, router }) => router !== undefined && !own.includes(name))
    .flatMap((segment) => {
      const ways = own.flatMap((from) => [wayBetween(topology, from, segment.name) ?? []]);
      const [shortest] = ways
        .filter(({ length }) => length > 0)
        .sort((a, b) => a.length - b.length);
      const next = shortest?.[0]?.enters;
      if (next === undefined || next.address === gateway) return [];
      const { cidr, cidr6 } = cidrsOf(segment);
      return [
        ...(cidr === undefined ? [] : [`route add ${cidr} via ${next.address}`]),
        ...(cidr6 === undefined || next.address6 === undefined
          ? []
          : [`route add ${cidr6} via ${next.address6}`]),
      ];
    });
}

/** What a picture shows of several routers: whose subnets each joins, by their prefixes; undefined of a single one. */
export function joinsOf(
  topology: Topology,
): readonly { readonly name: string; readonly subnets: readonly string[] }[] | undefined {
  return topology.routers?.map(({ name, ports }) => ({
    name,
    subnets: ports.flatMap(({ segment }) => cidrsOf(segmentNamed(topology, segment)).cidr ?? []),
  }));
}

/** The prefixes of a segment that has a router. */
export function cidrsOf({ router, prefixLength, router6, prefixLength6 }: Segment): {
  readonly cidr: string | undefined;
  readonly cidr6: string | undefined;
} {
  return {
    cidr: router === undefined ? undefined : cidrOf(router as Address, prefixLength),
    cidr6:
      router6 === undefined || prefixLength6 === undefined
        ? undefined
        : cidrOf(router6 as Address, prefixLength6),
  };
}

import fc from 'fast-check';
import type { Inventory } from '../../../src/model/inventory.js';
import { parseAddress, type Address, type Family } from '../../../src/net/address.js';
import {
  block,
  defaults,
  node,
  pool,
  world,
  type ModeWord,
  type NodeOptions,
  type PoolOptions,
} from './worlds.js';

/** Any worlds, and always the same ones: those are known to have everything in them. */
export function holds<Value>(values: fc.Arbitrary<Value>, says: (value: Value) => void): void {
  for (const parameters of [{}, { seed: 1 }])
    fc.assert(fc.property(values, says), { numRuns: 100, ...parameters });
}
const names = ['a', 'b', 'c', 'd'] as const;
const name = fc.constantFrom(...names);

const modes = {
  vxlan: fc.constantFrom<ModeWord>('Never', 'Never', 'Always', 'CrossSubnet'),
  ipip: fc.constantFrom<ModeWord>('Never', 'Always', 'CrossSubnet'),
  loadBalancerOnly: fc.constantFrom(false, false, false, true),
};

/** A world without a family: pools and blocks of the last eight bits, nodes by subnet and number. */
export const sketches = fc.record({
  pools: fc
    .tuple(
      fc.record({ length: fc.constantFrom(0, 0, 1), place: fc.constant(0), ...modes }),
      fc.array(
        fc.record({ length: fc.integer({ min: 1, max: 6 }), place: fc.nat(255), ...modes }),
        {
          maxLength: 3,
        },
      ),
    )
    .map(([outer, inner]) => [outer, ...inner]),
  nodes: fc.uniqueArray(
    fc.record({
      name,
      octet: fc.constantFrom(1, 2, 3),
      subnet: fc.constantFrom(0, 1),
      how: fc.constantFrom('bgp', 'bgp', 'bgp', 'bare', 'internal', 'inside', 'none'),
      tunnel: fc.option(fc.nat(255), { nil: undefined, freq: 4 }),
    }),
    { selector: (one) => one.name, minLength: 3, maxLength: 4 },
  ),
  blocks: fc.uniqueArray(
    fc.record({
      place: fc.nat(31),
      owner: fc.option(name, { nil: undefined, freq: 9 }),
      borrowed: fc.dictionary(fc.constantFrom('0', '3', '7'), name),
    }),
    { selector: (one) => one.place, minLength: 4, maxLength: 12 },
  ),
  workloads: fc.option(fc.dictionary(fc.nat(255).map(String), name), { nil: undefined }),
  routeSource: fc.constantFrom<'CalicoIPAM' | 'WorkloadIPs'>(
    'CalicoIPAM',
    'CalicoIPAM',
    'CalicoIPAM',
    'WorkloadIPs',
  ),
  programClusterRoutes: fc.constantFrom('Enabled' as const, 'Disabled' as const),
});

export type Sketch = typeof sketches extends fc.Arbitrary<infer Value> ? Value : never;

const overlay = { ipv4: '10.0.0.', ipv6: 'fd00::' } as const;
const commonBits = { ipv4: 24, ipv6: 120 } as const;

/** The overlay address with these last eight bits. */
export function overlayAddress(family: Family, last: number): string {
  return family === 'ipv4' ? `${overlay.ipv4}${last}` : `${overlay.ipv6}${last.toString(16)}`;
}

/** The last eight bits of addresses that a sketch has something to say of, and of one that it has not. */
export function lastsOf({ blocks, nodes, workloads }: Sketch): readonly number[] {
  const lasts = [
    ...blocks.flatMap(({ place }) => [0, 3, 5, 7].map((ordinal) => place * 8 + ordinal)),
    ...nodes.flatMap(({ octet, tunnel }) => [octet, ...(tunnel === undefined ? [] : [tunnel])]),
    ...Object.keys(workloads ?? {}).map(Number),
    254,
  ];
  return [...new Set(lasts)];
}

/** What a sketch has in one family: its pools, blocks and workloads. */
export function overlayOf({ pools, blocks, workloads }: Sketch, family: Family) {
  const cidr = (last: number, length: number): string =>
    `${overlayAddress(family, (last >> (8 - length)) << (8 - length))}/${commonBits[family] + length}`;
  return {
    pools: pools.map(
      ({ length, place, ...options }: Sketch['pools'][number] & PoolOptions, index) =>
        pool(`p${index}-${family}`, cidr(place, length), options),
    ),
    blocks: blocks.map(({ place, owner, borrowed }) => block(cidr(place * 8, 5), owner, borrowed)),
    workloads: Object.fromEntries(
      Object.entries(workloads ?? {}).map(([last, who]) => [
        overlayAddress(family, Number(last)),
        who,
      ]),
    ),
  };
}

/** A node of a sketch as its resource has it, in one family. */
export function nodeOptions(
  { octet, subnet, how, tunnel }: Sketch['nodes'][number],
  family: Family,
): NodeOptions {
  const host = family === 'ipv4' ? `172.16.${subnet}.${octet}` : `fd00:16:0:${subnet}::${octet}`;
  const [bits, wider] = family === 'ipv4' ? [24, 23] : [64, 63];
  const bgp = family === 'ipv4' ? 'bgp' : 'bgp6';
  return {
    ...(how === 'bgp' ? { [bgp]: `${host}/${bits}` } : {}),
    ...(how === 'bare' ? { [bgp]: host } : {}),
    ...(how === 'internal'
      ? { [family === 'ipv4' ? 'internal' : 'internal6']: `${host}/${wider}` }
      : {}),
    ...(how === 'inside'
      ? { [bgp]: `${overlayAddress(family, octet)}/${commonBits[family]}` }
      : {}),
    ...(tunnel === undefined
      ? {}
      : { [family === 'ipv4' ? 'vxlan' : 'vxlan6']: overlayAddress(family, tunnel) }),
  };
}

/** A world, and the addresses to ask it for. */
export interface Asked {
  readonly inventory: Inventory;
  readonly addresses: readonly Address[];
}

/** Worlds so small that pools nest and everything meets: of one family or both, with all that lies beyond Calico. */
export const worlds: fc.Arbitrary<Asked> = fc
  .record({
    sketch: sketches,
    families: fc.constantFrom<readonly Family[]>(['ipv4'], ['ipv6'], ['ipv4', 'ipv6']),
    lacking: fc.dictionary(name, fc.constantFrom<Family>('ipv4', 'ipv6')),
    vxlanEnabled: fc.option(fc.boolean(), { nil: undefined }),
    ipv6Support: fc.constantFrom(true, true, true, true, false),
    beyondCalico: fc.record({
      ipv6PoolsOver: fc.constantFrom<Family>('ipv6', 'ipv4'),
      ipv4PoolsOver: fc.constantFrom<Family>('ipv4', 'ipv6'),
      ip6ip: fc.constantFrom(true, true, false),
    }),
    isCalico: fc.boolean(),
  })
  .map(({ sketch, families, lacking, isCalico, beyondCalico, ...settings }) => {
    const overlays = families.map((family) => overlayOf(sketch, family));
    const inventory = world({
      pools: overlays.flatMap(({ pools }) => pools),
      blocks: overlays.flatMap(({ blocks }) => blocks),
      nodes: sketch.nodes.map((one) => {
        const four = lacking[one.name] === 'ipv4' ? {} : nodeOptions(one, 'ipv4');
        const six = lacking[one.name] === 'ipv6' ? {} : nodeOptions(one, 'ipv6');
        return node(one.name, { ...four, ...six });
      }),
      ...(sketch.workloads === undefined
        ? {}
        : {
            workloads: Object.assign({}, ...overlays.map(({ workloads }) => workloads)) as Record<
              string,
              string
            >,
          }),
      settings: {
        routeSource: sketch.routeSource,
        programClusterRoutes: sketch.programClusterRoutes,
        ...settings,
        beyondCalico: isCalico ? defaults.beyondCalico : beyondCalico,
      },
    });
    const addresses = ['ipv4' as const, 'ipv6' as const].flatMap((family) =>
      lastsOf(sketch).map((last) => parseAddress(overlayAddress(family, last))),
    );
    return { inventory, addresses };
  });

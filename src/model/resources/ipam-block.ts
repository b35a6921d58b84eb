import * as z from 'zod';
import { addressCount, type Cidr } from '../../net/cidr.js';
import { writtenCidr } from './address.js';
import { type Complaint, resourceKind } from './kind.js';
import { metadata } from './metadata.js';
import { cidr } from './schema.js';

/** Calico's AllocationBlock. */
export interface IpamBlock {
  readonly kind: 'IPAMBlock';
  readonly name: string;
  readonly cidr: Cidr;
  /** Of `host:NODE`; undefined for a block without owner and for a virtual one. */
  readonly node: string | undefined;
  /** For each ordinal in use the node that its attributes name. Released ones, which only cool down, are left out. */
  readonly allocations: ReadonlyMap<number, string | undefined>;
  /** As written, for `get`. */
  readonly spec: Readonly<Record<string, unknown>>;
}

const attribute = z.strictObject({
  handle_id: z.string().optional(),
  secondary: z.record(z.string(), z.string()).optional(),
  alternateOwnerAttrs: z.record(z.string(), z.string()).optional(),
  releasedAt: z.unknown().optional(),
});

const schema = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: metadata.optional(),
  spec: z.strictObject({
    cidr,
    affinity: z.string().optional(),
    affinityClaimTime: z.unknown().optional(),
    hostAffinity: z.string().optional(),
    allocations: z.array(z.int().nullable()).optional(),
    unallocated: z.array(z.int()).optional(),
    attributes: z.array(attribute).optional(),
    strictAffinity: z.boolean().optional(),
    deleted: z.boolean().optional(),
    sequenceNumber: z.number().optional(),
    sequenceNumberForAllocation: z.record(z.string(), z.number()).optional(),
  }),
});

const reading = z
  .object({
    metadata: z.object({ name: z.string().default('') }).prefault({}),
    spec: z.looseObject({
      cidr: z.string().transform((text, context) => {
        const found = writtenCidr(text);
        if (found !== undefined) return found.network;
        context.addIssue(`${JSON.stringify(text)} is not a CIDR (10.0.0.0/24)`);
        return z.NEVER;
      }),
      affinity: z.string().default(''),
      hostAffinity: z.string().default(''),
      allocations: z.array(z.int().nullable()).default([]),
      attributes: z
        .array(
          z.looseObject({
            secondary: z.record(z.string(), z.string()).default({}),
            releasedAt: z.unknown().optional(),
          }),
        )
        .default([]),
    }),
  })
  .transform(({ metadata: { name }, spec }): IpamBlock => {
    const { cidr: network, affinity, hostAffinity, allocations, attributes } = spec;
    return {
      kind: 'IPAMBlock',
      name: name === '' ? blockName(network) : name,
      cidr: network,
      node: ownerIn(affinity === '' && hostAffinity !== '' ? `host:${hostAffinity}` : affinity),
      allocations: new Map(
        allocations
          .slice(0, ordinalsOf(network))
          .flatMap((index, ordinal) =>
            index === null || (attributes[index]?.releasedAt ?? undefined) !== undefined
              ? []
              : [[ordinal, nonEmpty(attributes[index]?.secondary['node'])] as const],
          ),
      ),
      spec,
    };
  });

/** The owner and the allocations of a block of addresses. */
export const ipamBlock = resourceKind<IpamBlock>({
  kind: 'IPAMBlock',
  apiVersions: ['crd.projectcalico.org/v1', 'projectcalico.org/v3'],
  schema,
  rules,
  reading,
});

/** Kubernetes' name of a block: its CIDR without characters that names can't have. */
export function blockName(network: string): string {
  return network.replace(/[.:/]/g, '-');
}

function ownerIn(affinity: string): string | undefined {
  return affinity.startsWith('host:') ? nonEmpty(affinity.slice('host:'.length)) : undefined;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** An IPv6 block may be as wide as one likes: its list of allocations is not. */
function ordinalsOf(network: Cidr): number {
  const count = addressCount(network);
  return count > 2n ** 30n ? 2 ** 30 : Number(count);
}

const seen = z.object({
  spec: z.object({
    cidr: z.string(),
    affinity: z.string().default('').catch(''),
    allocations: z.array(z.number().nullable()).default([]).catch([]),
    attributes: z.array(z.unknown()).default([]).catch([]),
  }),
});

function rules(value: unknown): Complaint[] {
  const parsed = seen.safeParse(value);
  if (!parsed.success) return [];
  const { spec } = parsed.data;
  const network = writtenCidr(spec.cidr);
  if (network === undefined) return [];
  const complaints: Complaint[] = [];
  if (network.hasHostBits)
    complaints.push({
      path: ['spec', 'cidr'],
      message: `${spec.cidr} has host bits; the block is ${network.network}`,
    });
  if (spec.affinity !== '' && !/^(?:host|virtual):./.test(spec.affinity))
    complaints.push({
      path: ['spec', 'affinity'],
      message: `${JSON.stringify(spec.affinity)} is no affinity: host:NODE or virtual:NAME`,
    });
  if (spec.allocations.length > ordinalsOf(network.network))
    complaints.push({
      path: ['spec', 'allocations'],
      message: `${spec.allocations.length} allocations: ${network.network} has ${ordinalsOf(network.network)} addresses`,
    });
  const dangling = spec.allocations.findIndex(
    (index) => index !== null && (index < 0 || index >= spec.attributes.length),
  );
  if (dangling >= 0)
    complaints.push({
      severity: 'warning',
      path: ['spec', 'allocations', dangling],
      message: `there is no attributes[${String(spec.allocations[dangling])}]: whose address this is can't be known`,
    });
  return complaints;
}

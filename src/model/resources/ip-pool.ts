import * as z from 'zod';
import type { Cidr } from '../../net/cidr.js';
import { writtenCidr } from './address.js';
import { blockSizes, isBlockSize } from './block-size.js';
import { ipPoolRules } from './ip-pool-rules.js';
import { resourceKind } from './kind.js';
import { identity, metadata, metadataRules } from './metadata.js';
import { integer, oneOf } from './schema.js';

export const modes = ['Always', 'CrossSubnet', 'Never'] as const;
export const uses = ['Workload', 'Tunnel', 'LoadBalancer'] as const;

export type PoolMode = (typeof modes)[number];
export type AllowedUse = (typeof uses)[number];

/** IPPool's spec with every default applied, as Calico applies them whenever it reads one. */
export interface IpPoolSpec {
  readonly cidr: Cidr;
  readonly vxlanMode: PoolMode;
  readonly ipipMode: PoolMode;
  readonly natOutgoing: boolean;
  readonly disabled: boolean;
  readonly disableBGPExport: boolean;
  readonly blockSize: number;
  readonly nodeSelector: string;
  readonly namespaceSelector?: string;
  readonly allowedUses: readonly AllowedUse[];
  readonly assignmentMode: 'Automatic' | 'Manual';
}

export interface IpPool {
  readonly kind: 'IPPool';
  readonly name: string;
  readonly spec: IpPoolSpec;
}

const schema = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: metadata.optional(),
  spec: z.strictObject({
    cidr: z.string({
      error: ({ input }) => (input === undefined ? 'IPPool CIDR must be specified' : undefined),
    }),
    vxlanMode: modeSchema(),
    ipipMode: modeSchema(),
    natOutgoing: z.boolean().optional(),
    disabled: z.boolean().optional(),
    disableBGPExport: z.boolean().optional(),
    blockSize: integer(0, 128).optional(),
    nodeSelector: z.string().max(1024).optional(),
    namespaceSelector: z.string().max(1024).optional(),
    allowedUses: z
      .array(
        z.enum(uses, {
          error: ({ input }) =>
            typeof input === 'string' ? `unknown use: ${input} (${uses.join(', ')})` : undefined,
        }),
      )
      .max(10)
      .optional(),
    assignmentMode: oneOf('an assignment mode', ['Automatic', 'Manual']).optional(),
  }),
  status: z.unknown().optional(),
});

/** The empty text is read as absent. */
function modeSchema(): z.ZodType {
  return z.preprocess(
    (value) => (value === '' ? undefined : value),
    oneOf('a mode', modes).optional(),
  );
}

const mode = z.preprocess(
  (value) => (value === '' ? undefined : value),
  z.enum(modes).default('Never'),
);
const reading = z
  .object({
    metadata: identity,
    spec: z.object({
      cidr: z.string().transform((text, context) => {
        const cidr = writtenCidr(text);
        if (cidr !== undefined) return cidr;
        context.addIssue('IPPool CIDR must be a valid subnet');
        return z.NEVER;
      }),
      vxlanMode: mode,
      ipipMode: mode,
      natOutgoing: z.boolean().default(false),
      disabled: z.boolean().default(false),
      disableBGPExport: z.boolean().default(false),
      blockSize: z.int().default(0),
      nodeSelector: z.string().default(''),
      namespaceSelector: z.string().default(''),
      allowedUses: z.array(z.string()).default([]),
      assignmentMode: z.enum(['Automatic', 'Manual']).default('Automatic').catch('Automatic'),
    }),
  })
  .transform(({ metadata: { name }, spec }): IpPool => {
    const { cidr, blockSize, nodeSelector, namespaceSelector, allowedUses, ...rest } = spec;
    const known = uses.filter((use) => allowedUses.includes(use));
    return {
      kind: 'IPPool',
      name,
      spec: {
        ...rest,
        cidr: cidr.network,
        blockSize: isBlockSize(cidr.network, blockSize) ? blockSize : blockSizes[cidr.family].usual,
        nodeSelector: nodeSelector === '' ? 'all()' : nodeSelector,
        ...(namespaceSelector === '' ? {} : { namespaceSelector }),
        allowedUses: known.length === 0 ? ['Workload', 'Tunnel'] : known,
      },
    };
  });

/** Calico's IPPool: projectcalico.org/v3, and crd.projectcalico.org/v1 as kubectl shows it. */
export const ipPool = resourceKind<IpPool>({
  kind: 'IPPool',
  apiVersions: ['projectcalico.org/v3', 'crd.projectcalico.org/v1'],
  schema,
  rules: (value) => [...metadataRules(value), ...ipPoolRules(value)],
  reading,
});

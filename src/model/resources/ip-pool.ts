import { z } from 'zod';
import { addressBits, familyOf } from '../../net/address.js';
import { type Cidr, parseCidr } from '../../net/cidr.js';
import { parseSelector } from '../selector.js';
import { overlap, writtenCidr } from './address.js';
import { type Complaint, resourceKind } from './kind.js';
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

/** Sizes that IPAM can hand out, by family. */
export const blockSizes = {
  ipv4: { least: 20, most: 32, usual: 26 },
  ipv6: { least: 116, most: 128, usual: 122 },
} as const;

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
  .refine(
    ({ spec }) =>
      spec.cidr.family === 'ipv4' || spec.ipipMode === 'Never' || spec.vxlanMode !== 'Never',
    {
      error: 'IPIP is not supported on IPv6 pools',
      path: ['spec', 'ipipMode'],
    },
  )
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
  rules: (value) => [...metadataRules(value), ...specRules(value)],
  reading,
});

const linkLocal = { ipv4: parseCidr('169.254.0.0/16'), ipv6: parseCidr('fe80::/10') } as const;

/** What the rules look at: each member as it stands, absent where it has a wrong type. */
const seen = z.object({
  spec: z.object({
    cidr: z.string().optional().catch(undefined),
    vxlanMode: z.string().default('').catch(''),
    ipipMode: z.string().default('').catch(''),
    disabled: z.boolean().default(false).catch(false),
    disableBGPExport: z.boolean().default(false).catch(false),
    blockSize: z.number().default(0).catch(0),
    nodeSelector: z.string().default('').catch(''),
    namespaceSelector: z.string().default('').catch(''),
    allowedUses: z.array(z.unknown()).default([]).catch([]),
  }),
});

type Seen = z.infer<typeof seen>['spec'];

function specRules(value: unknown): Complaint[] {
  const parsed = seen.safeParse(value);
  if (!parsed.success) return [];
  const { spec } = parsed.data;
  return [...cidrRules(spec), ...modeRules(spec), ...useRules(spec), ...selectorRules(spec)];
}

function cidrRules({ cidr: text, blockSize, disabled }: Seen): Complaint[] {
  if (text === undefined) return [];
  const path = ['spec', 'cidr'];
  if (text === '') return [{ path, message: 'IPPool CIDR must be specified' }];
  const cidr = writtenCidr(text);
  if (cidr === undefined)
    return [
      {
        path,
        message: `IPPool CIDR must be a valid subnet; ${JSON.stringify(text)} is none${withPrefix(text)}`,
      },
    ];
  const complaints: Complaint[] = [];
  if (cidr.hasHostBits)
    complaints.push({
      path,
      message: `IPPool CIDR is not strictly masked; ${text} has host bits, the network is ${cidr.network}`,
    });
  if (overlap(cidr.network, linkLocal.ipv4))
    complaints.push({
      path,
      message: 'IPPool CIDR overlaps with IPv4 link local range 169.254.0.0/16',
    });
  if (overlap(cidr.network, linkLocal.ipv6))
    complaints.push({ path, message: 'IPPool CIDR overlaps with IPv6 link local range fe80::/10' });
  if (blockSize !== 0 && !isBlockSize(cidr.network, blockSize)) {
    const message =
      'blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools';
    return [
      ...complaints,
      { path: ['spec', 'blockSize'], message: `${message}; ${blockSize} is not` },
    ];
  }
  const size = blockSize === 0 ? blockSizes[cidr.family].usual : blockSize;
  if (!disabled && cidr.prefixLength > size) {
    const message =
      'IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.';
    complaints.push({
      path,
      message: `${message} A /${cidr.prefixLength} pool has no room for a /${size} block`,
    });
  }
  return complaints;
}

function modeRules({ cidr: text, vxlanMode, ipipMode }: Seen): Complaint[] {
  const complaints: Complaint[] = [];
  if (isOn(vxlanMode) && isOn(ipipMode)) {
    const message = 'ipipMode and vxlanMode cannot both be enabled; set one of them to Never';
    complaints.push({ path: ['spec', 'ipipMode'], message });
  }
  if (isOn(ipipMode) && text !== undefined && writtenCidr(text)?.family === 'ipv6') {
    const message = 'IPIP is not supported on IPv6 pools; set vxlanMode instead';
    complaints.push({ path: ['spec', 'ipipMode'], message });
  }
  return complaints;
}

function useRules({
  allowedUses,
  vxlanMode,
  ipipMode,
  disableBGPExport,
  nodeSelector,
  namespaceSelector,
}: Seen): Complaint[] {
  const path = ['spec', 'allowedUses'];
  const has = (use: AllowedUse): boolean => allowedUses.includes(use);
  const complaints: Complaint[] = [];
  const twice = allowedUses.findIndex((use, index) => allowedUses.indexOf(use) !== index);
  if (twice >= 0)
    complaints.push({
      path: [...path, twice],
      message: `Duplicate value: ${String(allowedUses[twice])}`,
    });
  if (has('Tunnel') && namespaceSelector !== '')
    complaints.push({
      path: ['spec', 'namespaceSelector'],
      message: 'IP Pool with AllowedUse Tunnel cannot have namespaceSelector',
    });
  // The API server lets it pass where allowedUses is left out; calicoctl fills in [Workload, Tunnel] first and refuses.
  if (allowedUses.length === 0 && namespaceSelector !== '')
    complaints.push({
      severity: 'warning',
      path: ['spec', 'namespaceSelector'],
      message:
        'allowedUses is [Workload, Tunnel] where it is left out, and IP Pool with AllowedUse Tunnel cannot have namespaceSelector: calicoctl refuses this; set allowedUses to [Workload]',
    });
  if (!has('LoadBalancer')) return complaints;
  if (isOn(vxlanMode) || isOn(ipipMode))
    complaints.push({
      path: ['spec', isOn(vxlanMode) ? 'vxlanMode' : 'ipipMode'],
      message: 'LoadBalancer IP pool cannot have IPIP or VXLAN enabled',
    });
  if (has('Workload') || has('Tunnel'))
    complaints.push({
      path,
      message: 'LoadBalancer cannot be combined with Workload or Tunnel allowed uses',
    });
  if (disableBGPExport)
    complaints.push({
      path: ['spec', 'disableBGPExport'],
      message: 'LoadBalancer IP pools cannot disable BGP export',
    });
  if (nodeSelector !== '' && nodeSelector !== 'all()')
    complaints.push({
      path: ['spec', 'nodeSelector'],
      message: 'IP Pool with AllowedUse LoadBalancer must have nodeSelector set to all()',
    });
  return complaints;
}

function selectorRules(spec: Seen): Complaint[] {
  return (['nodeSelector', 'namespaceSelector'] as const).flatMap((member): Complaint[] => {
    const path = ['spec', member];
    if (spec[member].includes('global('))
      return [{ path, message: `global() selector is not valid for IPPool ${member}` }];
    const parsed = parseSelector(spec[member]);
    return parsed.ok ? [] : [{ path, message: `${member} is not a selector: ${parsed.why}` }];
  });
}

/** A word that is no mode switches nothing on; that it is none is said elsewhere. */
function isOn(written: string): boolean {
  return written !== '' && written !== 'Never' && written.toLowerCase() !== 'never';
}

export function isBlockSize(cidr: string, size: number): boolean {
  const { least, most } = blockSizes[familyOf(cidr)];
  return size >= least && size <= most;
}

function withPrefix(text: string): string {
  const alone = writtenCidr(`${text}/0`);
  return alone === undefined
    ? ''
    : `: an address needs a prefix length (${text}/${addressBits[alone.family]})`;
}

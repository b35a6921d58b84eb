import * as z from 'zod';
import { writtenCidrOrAddress } from './address.js';
import { otherFelixFields } from './felix-fields.js';
import { parseSelector } from '../selector.js';
import { type Complaint, resourceKind } from './kind.js';
import { identity, metadata, metadataRules } from './metadata.js';
import { integer, oneOf, oneOfAnyCase } from './schema.js';

/** What encapsulation asks of Felix; absent members leave it to the next wider configuration. */
export interface FelixSpec {
  readonly ipipEnabled?: boolean;
  readonly vxlanEnabled?: boolean;
  readonly vxlanPort?: number;
  readonly vxlanVNI?: number;
  readonly vxlanMTU?: number;
  readonly vxlanMTUV6?: number;
  readonly ipipMTU?: number;
  readonly ipv6Support?: boolean;
  readonly externalNodesList?: readonly string[];
  readonly allowVXLANPacketsFromWorkloads?: boolean;
  readonly allowIPIPPacketsFromWorkloads?: boolean;
  readonly routeSource?: 'CalicoIPAM' | 'WorkloadIPs';
  readonly programClusterRoutes?: (typeof programClusterRoutes)[number];
}

export interface FelixConfiguration {
  readonly kind: 'FelixConfiguration';
  /** `default` for all nodes, `node.NAME` for one; others go by their selector. */
  readonly name: string;
  readonly nodeSelector: string;
  /** Text, as RFC 3339: the oldest of several selected configurations wins. */
  readonly created: string;
  readonly spec: FelixSpec;
}

const programClusterRoutes = [
  'Enabled',
  'Disabled',
  'EnabledIPIPOnly',
  'EnabledNoEncapOnly',
] as const;
const routeSources = ['CalicoIPAM', 'WorkloadIPs'] as const;

const externalNode = z.string().refine((text) => writtenCidrOrAddress(text) !== undefined, {
  error: ({ input }) => `${JSON.stringify(input)} is not a CIDR or IP address`,
});

/** The members that we read; Calico's API and Felix agree on them. */
const members = {
  ipipEnabled: z.boolean(),
  vxlanEnabled: z.boolean(),
  vxlanPort: integer(1, 65535),
  // RFC 7348 section 5: the VNI has 24 bits.
  vxlanVNI: integer(0, 2 ** 24 - 1),
  vxlanMTU: integer(0, 65535),
  vxlanMTUV6: integer(0, 65535),
  ipipMTU: integer(0, 65535),
  ipv6Support: z.boolean(),
  externalNodesList: z.array(externalNode),
  allowVXLANPacketsFromWorkloads: z.boolean(),
  allowIPIPPacketsFromWorkloads: z.boolean(),
  routeSource: z.preprocess(
    (text) => (text === '' ? undefined : text),
    oneOfAnyCase('a source of routes', routeSources).optional(),
  ),
  programClusterRoutes: oneOf('a value of programClusterRoutes', programClusterRoutes),
} as const;

const read = z.object(members).partial();

export const felixSpec: z.ZodType<FelixSpec> = read as z.ZodType<FelixSpec>;

const unread = z.unknown().optional();

const schema = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: metadata.optional(),
  spec: z
    .strictObject({
      ...read.shape,
      ...Object.fromEntries(otherFelixFields.map((name) => [name, unread])),
      nodeSelector: z.string().max(1024).optional(),
    })
    .optional(),
});

const reading = z
  .object({
    metadata: identity.extend({ creationTimestamp: z.string().default('').catch('') }),
    spec: z
      .object({ nodeSelector: z.string().default('') })
      .and(felixSpec)
      .prefault({}),
  })
  .transform(
    ({
      metadata: { name, creationTimestamp },
      spec: { nodeSelector, ...spec },
    }): FelixConfiguration => {
      return { kind: 'FelixConfiguration', name, nodeSelector, created: creationTimestamp, spec };
    },
  );

/** Felix' settings, for all nodes or for some. */
export const felixConfiguration = resourceKind<FelixConfiguration>({
  kind: 'FelixConfiguration',
  apiVersions: ['projectcalico.org/v3', 'crd.projectcalico.org/v1'],
  schema,
  rules: (value) => [...metadataRules(value), ...rules(value)],
  reading,
});

const seen = z.object({
  metadata: z.object({ name: z.string().default('').catch('') }),
  spec: z.object({
    nodeSelector: z.string().default('').catch(''),
    externalNodesList: z.array(z.unknown()).default([]).catch([]),
  }),
});

function rules(value: unknown): Complaint[] {
  const parsed = seen.safeParse(value);
  if (!parsed.success) return [];
  const {
    metadata: { name },
    spec,
  } = parsed.data;
  const complaints: Complaint[] = [];
  const selector = parseSelector(spec.nodeSelector);
  if (!selector.ok)
    complaints.push({
      path: ['spec', 'nodeSelector'],
      message: `nodeSelector is not a selector: ${selector.why}`,
    });
  const forOneName = name === 'default' || name.startsWith('node.');
  if (!forOneName && spec.nodeSelector === '')
    complaints.push({
      severity: 'warning',
      path: ['metadata', 'name'],
      message: `${JSON.stringify(name)} has no effect: name it default (all nodes) or node.NAME (one), or give it a nodeSelector`,
    });
  spec.externalNodesList.forEach((text, index) => {
    const written = typeof text === 'string' ? writtenCidrOrAddress(text) : undefined;
    if (written === undefined || written.family === 'ipv4') return;
    const message = `${written.network} has no effect: externalNodesList is read for IPv4 only`;
    complaints.push({ severity: 'warning', path: ['spec', 'externalNodesList', index], message });
  });
  return complaints;
}

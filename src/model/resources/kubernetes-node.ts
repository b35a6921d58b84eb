import * as z from 'zod';
import { type Complaint, resourceKind } from './kind.js';
import { metadata } from './metadata.js';
import type { CalicoNode, NodeBgp } from './node.js';
import { ipv4, ipv4WithPrefix, ipv6, ipv6WithPrefix, mac } from './schema.js';

/** Calico's annotations of a Kubernetes node that we read, and what is a value of each. */
const annotations = {
  'projectcalico.org/IPv4Address': ipv4WithPrefix,
  'projectcalico.org/IPv6Address': ipv6WithPrefix,
  'projectcalico.org/IPv4IPIPTunnelAddr': ipv4,
  'projectcalico.org/RouteReflectorClusterID': ipv4,
  'projectcalico.org/ASNumber': z.string().regex(/^\d+(?:\.\d+)?$/, { error: 'not an AS number' }),
  'projectcalico.org/IPv4VXLANTunnelAddr': ipv4,
  'projectcalico.org/VXLANTunnelMACAddr': mac,
  'projectcalico.org/IPv6VXLANTunnelAddr': ipv6,
  'projectcalico.org/VXLANTunnelMACAddrV6': mac,
} as const satisfies Record<string, z.ZodType<string>>;

type Annotation = keyof typeof annotations;

/** Kubernetes' Node has hundreds of members that are none of our business: only those that we read have a type. */
const schema = z.looseObject({
  metadata: metadata.optional(),
  spec: z
    .looseObject({ podCIDR: z.string().optional(), podCIDRs: z.array(z.string()).optional() })
    .optional(),
  status: z
    .looseObject({
      addresses: z.array(z.looseObject({ address: z.string(), type: z.string() })).optional(),
    })
    .optional(),
});

const reading = z
  .object({
    metadata: z.object({
      name: z.string().min(1),
      labels: z.record(z.string(), z.string()).default({}).catch({}),
      annotations: z.record(z.string(), z.string()).default({}).catch({}),
    }),
    spec: z
      .object({ podCIDR: z.string().default(''), podCIDRs: z.array(z.string()).default([]) })
      .prefault({}),
    status: z
      .object({
        addresses: z.array(z.object({ address: z.string(), type: z.string() })).default([]),
      })
      .prefault({}),
  })
  .transform(({ metadata: { name, labels, annotations: written }, spec, status }): CalicoNode => {
    const value = (annotation: Annotation): string => valueOf(written, annotation);
    const bgp: NodeBgp = {
      ipv4Address: value('projectcalico.org/IPv4Address'),
      ipv6Address: value('projectcalico.org/IPv6Address'),
      ipv4IPIPTunnelAddr: value('projectcalico.org/IPv4IPIPTunnelAddr'),
      routeReflectorClusterID: value('projectcalico.org/RouteReflectorClusterID'),
      asNumber: value('projectcalico.org/ASNumber'),
    };
    const own = [bgp.ipv4Address, bgp.ipv6Address].filter((address) => address !== '');
    return {
      kind: 'Node',
      name,
      origin: 'Kubernetes',
      labels,
      spec: {
        bgp: Object.values(bgp).some((member) => member !== '') ? bgp : undefined,
        ipv4VXLANTunnelAddr: value('projectcalico.org/IPv4VXLANTunnelAddr'),
        vxlanTunnelMACAddr: value('projectcalico.org/VXLANTunnelMACAddr'),
        ipv6VXLANTunnelAddr: value('projectcalico.org/IPv6VXLANTunnelAddr'),
        vxlanTunnelMACAddrV6: value('projectcalico.org/VXLANTunnelMACAddrV6'),
        addresses: [
          ...own.map((address) => ({ address, type: 'CalicoNodeIP' })),
          // Hostnames and the like are no addresses.
          ...status.addresses.filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP'),
        ],
      },
      podCidrs:
        spec.podCIDRs.length > 0 ? spec.podCIDRs : spec.podCIDR === '' ? [] : [spec.podCIDR],
    };
  });

/** Kubernetes' Node with Calico's annotations: what Calico reads where Kubernetes is its datastore. */
export const kubernetesNode = resourceKind<CalicoNode>({
  kind: 'Node',
  apiVersions: ['v1'],
  schema,
  rules,
  reading,
});

/** A value that is none counts as absent: so does Calico. */
function valueOf(written: Readonly<Record<string, string>>, annotation: Annotation): string {
  const parsed = annotations[annotation].safeParse(written[annotation]);
  return parsed.success ? parsed.data : '';
}

const seen = z.object({
  metadata: z.object({
    name: z.string().optional().catch(undefined),
    annotations: z.record(z.string(), z.unknown()).default({}).catch({}),
  }),
});

function rules(value: unknown): Complaint[] {
  const parsed = seen.safeParse(value);
  if (!parsed.success) return [];
  const { name, annotations: written } = parsed.data.metadata;
  const unnamed = name === undefined || name === '';
  return [
    ...(unnamed ? [{ path: ['metadata', 'name'], message: 'a resource needs a name' }] : []),
    ...(Object.keys(annotations) as Annotation[]).flatMap((annotation): Complaint[] => {
      if (written[annotation] === undefined) return [];
      const [issue] = annotations[annotation].safeParse(written[annotation]).error?.issues ?? [];
      if (issue === undefined) return [];
      const message = `${issue.message}: Calico reads it as absent`;
      return [{ severity: 'warning', path: ['metadata', 'annotations', annotation], message }];
    }),
  ];
}

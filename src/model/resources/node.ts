import * as z from 'zod';
import { type Complaint, resourceKind } from './kind.js';
import { identity, metadata, metadataRules } from './metadata.js';
import {
  anyAddress,
  cidr,
  ipv4,
  ipv4WithPrefix,
  ipv6,
  ipv6WithPrefix,
  mac,
  oneOf,
} from './schema.js';

const addressTypes = ['CalicoNodeIP', 'InternalIP', 'ExternalIP'] as const;

/** Calico's Node as far as encapsulation depends on it. Empty texts are absent members. */
export interface CalicoNode {
  readonly kind: 'Node';
  readonly name: string;
  /** Whose resource it was. */
  readonly origin: 'Calico' | 'Kubernetes';
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: NodeSpec;
  readonly podCidrs: readonly string[];
}

export interface NodeSpec {
  /** undefined: absent, which Felix tells from a section that is there and empty. */
  readonly bgp: NodeBgp | undefined;
  readonly ipv4VXLANTunnelAddr: string;
  readonly vxlanTunnelMACAddr: string;
  readonly ipv6VXLANTunnelAddr: string;
  readonly vxlanTunnelMACAddrV6: string;
  readonly addresses: readonly { readonly address: string; readonly type: string }[];
}

export interface NodeBgp {
  readonly ipv4Address: string;
  readonly ipv6Address: string;
  readonly ipv4IPIPTunnelAddr: string;
  readonly routeReflectorClusterID: string;
  readonly asNumber: string;
}

/** A number, or its two halves with a dot (RFC 5396). */
const asNumber = z
  .union([z.number(), z.string()])
  .refine(
    (value) =>
      typeof value === 'string'
        ? /^\d+(?:\.\d+)?$/.test(value)
        : Number.isInteger(value) && value >= 0 && value < 2 ** 32,
    { error: 'an AS number is a whole number, or two with a dot (64512, 1.10)' },
  );

const schema = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: metadata.optional(),
  spec: z
    .strictObject({
      bgp: z
        .strictObject({
          asNumber: asNumber.optional(),
          ipv4Address: ipv4WithPrefix.optional(),
          ipv6Address: ipv6WithPrefix.optional(),
          ipv4IPIPTunnelAddr: ipv4.optional(),
          routeReflectorClusterID: ipv4.optional(),
        })
        .optional(),
      ipv4VXLANTunnelAddr: ipv4.optional(),
      vxlanTunnelMACAddr: mac.optional(),
      ipv6VXLANTunnelAddr: ipv6.optional(),
      vxlanTunnelMACAddrV6: mac.optional(),
      orchRefs: z
        .array(z.strictObject({ nodeName: z.string().optional(), orchestrator: z.string() }))
        .optional(),
      wireguard: z
        .strictObject({
          interfaceIPv4Address: ipv4.optional(),
          interfaceIPv6Address: ipv6.optional(),
        })
        .optional(),
      addresses: z
        .array(
          z.strictObject({
            address: anyAddress,
            type: oneOf('a type of address', addressTypes).optional(),
          }),
        )
        .optional(),
      interfaces: z
        .array(
          z.strictObject({
            name: z.string().optional(),
            addresses: z.array(z.string()).optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  status: z
    .strictObject({
      wireguardPublicKey: z.string().optional(),
      wireguardPublicKeyV6: z.string().optional(),
      podCIDRs: z.array(cidr).optional(),
    })
    .optional(),
});

const text = z.string().default('');
const reading = z
  .object({
    metadata: identity,
    spec: z
      .object({
        bgp: z
          .object({
            ipv4Address: text,
            ipv6Address: text,
            ipv4IPIPTunnelAddr: text,
            routeReflectorClusterID: text,
            asNumber: z.union([z.number(), z.string()]).default('').transform(String),
          })
          .optional(),
        ipv4VXLANTunnelAddr: text,
        vxlanTunnelMACAddr: text,
        ipv6VXLANTunnelAddr: text,
        vxlanTunnelMACAddrV6: text,
        addresses: z.array(z.object({ address: z.string(), type: text })).default([]),
      })
      .prefault({}),
    status: z.object({ podCIDRs: z.array(z.string()).default([]) }).prefault({}),
  })
  .transform(({ metadata: { name, labels }, spec: { bgp, ...spec }, status }): CalicoNode => ({
    kind: 'Node',
    name,
    origin: 'Calico',
    labels,
    spec: { bgp, ...spec },
    // calicoctl prints one that is not there as an empty text.
    podCidrs: status.podCIDRs.filter((one) => one !== ''),
  }));

/** Calico's own Node. */
export const calicoNode = resourceKind<CalicoNode>({
  kind: 'Node',
  apiVersions: ['projectcalico.org/v3', 'crd.projectcalico.org/v1'],
  schema,
  rules: (value) => [...metadataRules(value), ...bgpRules(value)],
  reading,
});

const seen = z.object({ spec: z.object({ bgp: z.record(z.string(), z.unknown()) }) });

function bgpRules(value: unknown): Complaint[] {
  const parsed = seen.safeParse(value);
  if (!parsed.success) return [];
  const { bgp } = parsed.data.spec;
  if (Object.values(bgp).every((member) => member === ''))
    return [
      {
        path: ['spec', 'bgp'],
        message: 'Spec.BGP should not be empty; leave it out, or give the node its ipv4Address',
      },
    ];
  return (['ipv4Address', 'ipv6Address'] as const).flatMap((member): Complaint[] => {
    const address = bgp[member];
    if (typeof address !== 'string' || address === '' || address.includes('/')) return [];
    const message = `${address} has no prefix length: no other node counts as in its subnet, and IPIP ignores it; write ${address}/24 or what its subnet has`;
    return [{ severity: 'warning', path: ['spec', 'bgp', member], message }];
  });
}

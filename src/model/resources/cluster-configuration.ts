import * as z from 'zod';
import { writtenCidr } from './address.js';
import { type Complaint, resourceKind } from './kind.js';

/** kubeadm's ClusterConfiguration: calico/node takes its default pools from podSubnet. */
export interface ClusterConfiguration {
  readonly kind: 'ClusterConfiguration';
  readonly name: string;
  /** One subnet, or one of each family with a comma between. */
  readonly podSubnet: string;
}

const shape = { networking: z.looseObject({ podSubnet: z.string().optional() }).optional() };

export const clusterConfiguration = resourceKind<ClusterConfiguration>({
  kind: 'ClusterConfiguration',
  apiVersions: ['kubeadm.k8s.io/v1beta2', 'kubeadm.k8s.io/v1beta3', 'kubeadm.k8s.io/v1beta4'],
  schema: z.looseObject(shape),
  rules,
  reading: z
    .object({ networking: z.object({ podSubnet: z.string().default('') }).prefault({}) })
    .transform(({ networking: { podSubnet } }): ClusterConfiguration => ({
      kind: 'ClusterConfiguration',
      name: 'kubeadm',
      podSubnet,
    })),
});

const seen = z.object({ networking: z.object({ podSubnet: z.string() }) });

function rules(value: unknown): Complaint[] {
  const parsed = seen.safeParse(value);
  if (!parsed.success) return [];
  const { podSubnet } = parsed.data.networking;
  return podSubnet
    .split(',')
    .filter((text) => text !== '' && writtenCidr(text.trim()) === undefined)
    .map((text) => ({
      path: ['networking', 'podSubnet'],
      message: `${JSON.stringify(text)} is not a CIDR (10.244.0.0/16)`,
    }));
}

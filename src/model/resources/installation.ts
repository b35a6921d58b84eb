import * as z from 'zod';
import { writtenCidr } from './address.js';
import { blockName } from './ipam-block.js';
import { type IpPool, type PoolMode, ipPool, uses } from './ip-pool.js';
import { type Complaint, resourceKind } from './kind.js';
import { metadata } from './metadata.js';
import { integer, oneOf } from './schema.js';

/** The operator's Installation: it makes the pools. */
export interface Installation {
  readonly kind: 'Installation';
  readonly name: string;
  readonly pools: readonly IpPool[];
  readonly mtu: number | undefined;
}

const encapsulations = {
  IPIP: { ipipMode: 'Always', vxlanMode: 'Never' },
  IPIPCrossSubnet: { ipipMode: 'CrossSubnet', vxlanMode: 'Never' },
  VXLAN: { ipipMode: 'Never', vxlanMode: 'Always' },
  VXLANCrossSubnet: { ipipMode: 'Never', vxlanMode: 'CrossSubnet' },
  None: { ipipMode: 'Never', vxlanMode: 'Never' },
} as const satisfies Record<string, { readonly ipipMode: PoolMode; readonly vxlanMode: PoolMode }>;

const encapsulationNames = [
  'IPIP',
  'IPIPCrossSubnet',
  'VXLAN',
  'VXLANCrossSubnet',
  'None',
] as const;
const switches = ['Enabled', 'Disabled'] as const;

/** Members that have nothing to do with encapsulation: known, so that a typo stands out. */
const otherFields = `azure calicoKubeControllersDeployment calicoLibHostPath calicoNodeDaemonSet
  calicoNodeWindowsDaemonSet calicoRunHostPath calicoWindowsUpgradeDaemonSet certificateManagement cni
  componentResources controlPlaneNodeSelector controlPlaneReplicas controlPlaneTolerations csiNodeDriverDaemonSet
  fipsMode flexVolumePath imagePath imagePrefix imagePullPolicy imagePullSecrets kubeletVolumePluginPath
  kubernetesProvider logging networkPolicy nodeMetricsPort nodeUpdateStrategy nonPrivileged proxy registry
  serviceCIDRs tlsCipherSuites typhaAffinity typhaDeployment typhaMetricsPort typhaPodDisruptionBudget variant
  windowsNodes`;
const otherNetworkFields = `bpfNetworkBootstrap containerIPForwarding hostPorts kubeProxyManagement linuxDataplane
  linuxPodInterfaceType linuxPolicySetupTimeoutSeconds multiInterfaceMode nodeAddressAutodetectionV4
  nodeAddressAutodetectionV6 sysctl windowsDataplane`;

const schema = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: metadata.optional(),
  spec: z
    .strictObject({
      ...known(otherFields),
      calicoNetwork: z
        .strictObject({
          ...known(otherNetworkFields),
          bgp: oneOf('a switch', switches).optional(),
          clusterRoutingMode: oneOf('a routing mode', [
            'BIRD',
            'Felix',
            'FelixIPIPOnly',
          ]).optional(),
          mtu: integer(0, 65535).optional(),
          ipPools: z
            .array(
              z.strictObject({
                name: z.string().optional(),
                cidr: z.string(),
                encapsulation: oneOf('an encapsulation', encapsulationNames).optional(),
                natOutgoing: oneOf('a switch', switches).optional(),
                nodeSelector: z.string().optional(),
                blockSize: z.int().optional(),
                disableBGPExport: z.boolean().optional(),
                disableNewAllocations: z.boolean().optional(),
                allowedUses: z.array(oneOf('a use', uses)).optional(),
                assignmentMode: oneOf('an assignment mode', ['Automatic', 'Manual']).optional(),
              }),
            )
            .max(25)
            .optional(),
        })
        .optional(),
    })
    .optional(),
  status: z.unknown().optional(),
});

function known(names: string): Record<string, z.ZodType> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, z.unknown().optional()]));
}

const written = z.object({
  name: z.string().default(''),
  cidr: z.string(),
  encapsulation: z.enum(encapsulationNames).optional(),
  natOutgoing: z.enum(switches).default('Enabled'),
  nodeSelector: z.string().default(''),
  blockSize: z.int().default(0),
  disableBGPExport: z.boolean().default(false),
  disableNewAllocations: z.boolean().default(false),
  allowedUses: z.array(z.string()).default([]),
  assignmentMode: z.enum(['Automatic', 'Manual']).default('Automatic'),
});

type WrittenPool = z.infer<typeof written>;

const reading = z
  .object({
    metadata: z.object({ name: z.string().default('default') }).prefault({}),
    spec: z
      .object({
        calicoNetwork: z
          .object({ mtu: z.int().optional(), ipPools: z.array(written).optional() })
          .prefault({}),
      })
      .prefault({}),
  })
  .transform(({ metadata: { name }, spec: { calicoNetwork: network } }, context): Installation => {
    const pools: IpPool[] = [];
    // Left out, the operator makes this one pool; an empty list means none.
    for (const one of network.ipPools ?? [written.parse({ cidr: '192.168.0.0/16' })]) {
      const parsed = ipPool.reading.safeParse(
        asIpPool(one, new Set(pools.map((pool) => pool.name))),
      );
      if (parsed.success) pools.push(parsed.data);
      else context.addIssue(`${one.cidr}: ${parsed.error.issues[0]?.message ?? 'no pool'}`);
    }
    return { kind: 'Installation', name, pools, mtu: network.mtu === 0 ? undefined : network.mtu };
  });

export const installation = resourceKind<Installation>({
  kind: 'Installation',
  apiVersions: ['operator.tigera.io/v1'],
  schema,
  rules,
  reading,
});

/** The IPPool that the operator makes of an entry. */
function asIpPool(pool: WrittenPool, taken: ReadonlySet<string>): object {
  const cidr = writtenCidr(pool.cidr);
  const family = cidr?.family ?? 'ipv4';
  const usual = `default-${family}-ippool`;
  const fallback = taken.has(usual) ? blockName(cidr?.network ?? pool.cidr) : usual;
  return {
    metadata: { name: pool.name === '' ? fallback : pool.name },
    spec: {
      cidr: pool.cidr,
      ...encapsulations[pool.encapsulation ?? (family === 'ipv4' ? 'IPIP' : 'None')],
      natOutgoing: pool.natOutgoing === 'Enabled',
      disabled: pool.disableNewAllocations,
      disableBGPExport: pool.disableBGPExport,
      blockSize: pool.blockSize,
      nodeSelector: pool.nodeSelector,
      allowedUses: pool.allowedUses,
      assignmentMode: pool.assignmentMode,
    },
  };
}

const seen = z.object({
  spec: z.object({ calicoNetwork: z.object({ ipPools: z.array(z.unknown()) }) }),
});

/** What Calico's API says of the pool that an entry leads to, told at the entry. */
function rules(value: unknown): Complaint[] {
  const parsed = seen.safeParse(value);
  if (!parsed.success) return [];
  return parsed.data.spec.calicoNetwork.ipPools.flatMap((entry, index): Complaint[] => {
    const pool = written.safeParse(entry);
    if (!pool.success) return [];
    return ipPool.rules(asIpPool(pool.data, new Set())).map((complaint) => ({
      ...complaint,
      path: ['spec', 'calicoNetwork', 'ipPools', index, ...memberOf(complaint)],
    }));
  });
}

function memberOf({ path }: Complaint): Complaint['path'] {
  const [root, member, ...rest] = path;
  if (root === 'metadata') return ['name'];
  return member === 'ipipMode' || member === 'vxlanMode'
    ? ['encapsulation']
    : [member ?? '', ...rest];
}

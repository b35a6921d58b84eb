import * as z from 'zod';
import type { Family } from '../../net/address.js';
import { readSocketAddress, type SocketAddress } from '../../net/socket-address.js';
import { logLevels } from '../log-level.js';
import type { NodeName } from '../node.js';
import { kernelTunnels } from '../kernel-tunnels.js';
import type { Check, KernelTunnels, Settings } from '../settings.js';
import { type Datastore, datastore, datastoreOf } from './datastore.js';
import { resourceKind } from './kind.js';
import { metadata } from './metadata.js';
import { integer, oneOf } from './schema.js';

/** encapd's own configuration of one node; what is left out is found out, or Calico's to say. */
export interface NodeConfig extends Pick<
  Settings,
  | 'checks'
  | 'dscp'
  | 'outerTtl'
  | 'sharedVxlanPort'
  | 'receiveMerging'
  | 'fastPath'
  | 'beyondCalico'
  | 'zeroUdpChecksum'
  | 'metrics'
  | 'health'
  | 'log'
> {
  readonly kind: 'NodeConfig';
  readonly name: string;
  /** undefined: ENCAP_KERNEL_TUNNELS, else leave. */
  readonly kernelTunnels: KernelTunnels | undefined;
  /** undefined: this file, and what the command line and the environment name. */
  readonly datastore: Datastore | undefined;
  /** undefined: NODENAME, or this host's name. */
  readonly node: string | undefined;
  /** Underlay interface; undefined: the one that has the node's address. */
  readonly interface: string | undefined;
  readonly vxlan: { readonly vni: number | undefined; readonly port: number | undefined };
  /** undefined: the interface's own. */
  readonly underlayMtu: number | undefined;
}

/** YAML 1.1, which Kubernetes and we read, takes the bare word `off` for false. `json`: what may be written, as JSON Schema. */
function bareOff<Word>(schema: z.ZodType<Word>, json: object): z.ZodType<Word> {
  return z
    .preprocess((input) => (input === false ? 'off' : input), schema)
    .meta({
      type: ['string', 'boolean'],
      ...json,
    });
}

function wordOrOff<const Word extends string>(
  noun: string,
  words: readonly [Word, ...Word[]],
): z.ZodType<Word> {
  return bareOff(oneOf(noun, words), { enum: [...words, false] });
}

const checks = ['strict', 'pool', 'off'] as const satisfies readonly Check[];
const families = ['ipv4', 'ipv6'] as const satisfies readonly Family[];

/** Names of interfaces are the kernel's: 15 bytes, no slash, no blank. */
const interfaceName = z.string().regex(/^(?!\.\.?$)[A-Za-z0-9_.-]{1,15}$/, {
  error: ({ input }) => `${JSON.stringify(input)} is no interface name`,
});
const auto = z.literal('auto');

/** The address is the Node resource's to say. */
const autoAddress = (member: 'ipv4Address' | 'ipv6Address'): z.ZodType =>
  z
    .string()
    .refine((text) => text === 'auto', {
      error: ({ input }) =>
        `${JSON.stringify(input)}: the address is what the Node resource says, for the other nodes know no other; set spec.bgp.${member} there, and auto or nothing here`,
    })
    .meta({ const: 'auto' })
    .optional();
const node = z.strictObject({
  name: z.string().min(1).optional(),
  addressV4: autoAddress('ipv4Address'),
  addressV6: autoAddress('ipv6Address'),
  interfaces: z
    .array(interfaceName)
    .refine((names) => names.length <= 1, {
      when: ({ issues }) => issues.length === 0,
      error: ({ input }) =>
        `${(input as readonly string[]).length} interfaces: one alone carries the underlay in this version`,
    })
    .meta({ maxItems: 1 })
    .optional(),
});

/** Where an agent listens: nobody has to, so nothing does by itself. */
const listen: z.ZodType<SocketAddress | 'off'> = bareOff(
  z.string().transform((text, context) => {
    const where = text === 'off' ? text : readSocketAddress(text);
    if (where !== undefined) return where;
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(text)} is neither ADDRESS:PORT ([::1]:9475 for IPv6) nor off`,
    });
    return z.NEVER;
  }),
  { anyOf: [{ type: 'string', pattern: '^(?:off|.+:\\d{1,5})$' }, { const: false }] },
);

const shape = {
  datastore: datastore.optional(),
  node: node.optional(),
  vxlan: z
    .strictObject({ vni: integer(0, 2 ** 24 - 1).optional(), port: integer(1, 65535).optional() })
    .optional(),
  mtu: z.strictObject({ underlay: z.union([auto, integer(576, 65535)]).optional() }).optional(),
  kernelTunnels: oneOf('a way to treat kernel tunnels', kernelTunnels).optional(),
  checks: z
    .strictObject({
      source: wordOrOff('a check', checks).optional(),
      destination: wordOrOff('a check', checks).optional(),
      vxlanReservedBits: oneOf('a way to treat reserved bits', ['strict', 'ignore']).optional(),
      outerOptions: oneOf('a way to treat IP options', ['drop', 'accept']).optional(),
    })
    .optional(),
  dscp: z
    .union(
      [
        oneOf('a way to set DSCP', ['inherit', 'uniform'], '{ pipe: 0 to 63 }'),
        // RFC 2474 section 3: six bits.
        z.strictObject({ pipe: integer(0, 63) }),
      ],
      { error: 'expected inherit, uniform or { pipe: 0 to 63 }' },
    )
    .optional(),
  outerTtl: z
    .union([oneOf('a TTL', ['inherit'], '1 to 255'), integer(1, 255)], {
      error: 'expected inherit or 1 to 255',
    })
    .optional(),
  sharedVxlanPort: z.boolean().optional(),
  receiveMerging: wordOrOff('a way to merge what is received', ['auto', 'off']).optional(),
  fastPath: oneOf('a set of packets', ['never', 'guarded', 'always']).optional(),
  beyondCalico: z
    .strictObject({
      ipv6PoolsOver: oneOf('a family', families).optional(),
      ipv4PoolsOver: oneOf('a family', families).optional(),
      ip6ip: z.boolean().optional(),
    })
    .optional(),
  zeroUdpChecksum: z
    .union(
      [
        oneOf('a set of nodes', ['never', 'always'], 'a list of nodes'),
        z.array(
          z
            .string()
            .min(1)
            .transform((name) => name as NodeName),
        ),
      ],
      { error: 'expected never, always or a list of nodes' },
    )
    .optional(),
  metrics: z
    .strictObject({ listen: listen.optional(), perPeer: z.boolean().optional() })
    .optional(),
  health: z.strictObject({ listen: listen.optional() }).optional(),
  log: z.strictObject({ level: oneOf('a log level', logLevels).optional() }).optional(),
} as const;

const schema = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: metadata.optional(),
  ...shape,
});

const reading = z
  .object({ metadata: z.object({ name: z.string().default('') }).prefault({}), ...shape })
  .transform(
    ({ metadata: { name }, datastore: store, node: self, vxlan, mtu, ...rest }): NodeConfig => ({
      kind: 'NodeConfig',
      name,
      datastore: store && datastoreOf(store),
      node: unlessAuto(self?.name),
      interface: self?.interfaces?.[0],
      vxlan: { vni: vxlan?.vni, port: vxlan?.port },
      underlayMtu: unlessAuto(mtu?.underlay),
      kernelTunnels: rest.kernelTunnels,
      checks: {
        source: rest.checks?.source ?? 'strict',
        destination: rest.checks?.destination ?? 'strict',
        vxlanReservedBits: rest.checks?.vxlanReservedBits ?? 'strict',
        outerOptions: rest.checks?.outerOptions ?? 'drop',
      },
      dscp: rest.dscp ?? 'inherit',
      outerTtl: rest.outerTtl ?? 64,
      sharedVxlanPort: rest.sharedVxlanPort ?? true,
      receiveMerging: rest.receiveMerging ?? 'auto',
      fastPath: rest.fastPath ?? 'never',
      beyondCalico: {
        ipv6PoolsOver: rest.beyondCalico?.ipv6PoolsOver ?? 'ipv6',
        ipv4PoolsOver: rest.beyondCalico?.ipv4PoolsOver ?? 'ipv4',
        ip6ip: rest.beyondCalico?.ip6ip ?? false,
      },
      zeroUdpChecksum: rest.zeroUdpChecksum ?? 'never',
      metrics: { listen: rest.metrics?.listen ?? 'off', perPeer: rest.metrics?.perPeer ?? true },
      health: { listen: rest.health?.listen ?? 'off' },
      log: { level: rest.log?.level ?? 'info' },
    }),
  );

export const nodeConfig = resourceKind<NodeConfig>({
  kind: 'NodeConfig',
  apiVersions: ['encap/v1'],
  schema,
  rules: () => [],
  reading,
});

function unlessAuto<T>(value: T | 'auto'): T | undefined {
  return value === 'auto' ? undefined : value;
}

/** A configuration that says nothing: its defaults hold where there is none. */
export function unsaid(): NodeConfig {
  return reading.parse({});
}

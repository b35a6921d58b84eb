import * as z from 'zod';
import { cidr, integer, ipv4, ipv6, oneOf } from '../../model/resources/schema.js';
import { modes } from '../topology.js';

/** What runs on a node of a file: encapd, or the kernel's own vxlan or ipip device. */
const carriers = ['encapd', 'kernel'] as const;

/** Names become names of interfaces (15 characters) and namespaces. */
function nameOf(what: string, length: number): z.ZodType<string> {
  return z.string().refine((text) => /^[a-z0-9][a-z0-9-]*$/.test(text) && text.length <= length, {
    error: ({ input }) =>
      `${JSON.stringify(input)} is no name of a ${what}: lower-case letters, digits and hyphens, ${length} at most`,
  });
}

const mtu = integer(576, 65_535);

const subnet = z.strictObject({
  name: nameOf('subnet', 15),
  cidr,
  cidr6: cidr.optional(),
  router: z.boolean().optional(),
  mtu: mtu.optional(),
  loss: integer(0, 100).optional(),
});

const pool = z.strictObject({
  name: z.string().min(1),
  cidr,
  blockSize: integer(20, 128).optional(),
  vxlanMode: oneOf('a mode', modes).optional(),
  ipipMode: oneOf('a mode', modes).optional(),
});

const workload = z.strictObject({
  name: nameOf('workload', 11),
  pool: z.string().optional(),
});

const node = z.strictObject({
  name: nameOf('node', 15),
  count: integer(1, 200).optional(),
  subnet: z.string(),
  address: ipv4.optional(),
  address6: ipv6.optional(),
  carrier: oneOf('a carrier', carriers).optional(),
  agent: oneOf('a way to run an agent', ['stays', 'once']).optional(),
  mtu: mtu.optional(),
  workloads: z.union([integer(0, 50), z.array(workload)]).optional(),
});

const router = z.strictObject({
  name: nameOf('router', 12),
  subnets: z.array(z.string()).min(2),
});

/** A file that describes a lab, as written; what it may say beyond its members' types: `complaintsAbout`. */
export const topologyFile = z.strictObject({
  apiVersion: oneOf('a version', ['encap/v1']),
  kind: oneOf('a kind', ['LabTopology']),
  subnets: z.array(subnet).min(1),
  routers: z.array(router).min(1).optional(),
  pools: z.array(pool).min(1),
  nodes: z.array(node).min(1),
  workloadMtu: mtu.optional(),
  resources: z.string().optional(),
});

export type TopologyFile = z.infer<typeof topologyFile>;
export type WrittenSubnet = z.infer<typeof subnet>;
export type WrittenPool = z.infer<typeof pool>;
export type WrittenNode = z.infer<typeof node>;

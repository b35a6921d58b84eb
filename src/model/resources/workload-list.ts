import * as z from 'zod';
import { type Address, addressBits, familyOf, readAddress } from '../../net/address.js';
import { resourceKind } from './kind.js';
import { metadata } from './metadata.js';

/** Live addresses of workloads, by node. Where there is such a list, it and not the allocations says what lives. */
export interface WorkloadList {
  readonly kind: 'WorkloadList';
  readonly name: string;
  readonly items: readonly { readonly node: string; readonly ips: readonly Address[] }[];
}

/** An address, alone or as a prefix that holds nothing else. */
const ip = z.string().transform((text, context) => {
  const [, host, length] = /^([^/]+)(?:\/(\d+))?$/.exec(text) ?? [];
  const found = host === undefined ? undefined : readAddress(host);
  if (
    found !== undefined &&
    (length === undefined || Number(length) === addressBits[familyOf(found)])
  )
    return found;
  context.addIssue(`${JSON.stringify(text)} is not one address (10.0.0.1, or 10.0.0.1/32)`);
  return z.NEVER;
});

const item = z.strictObject({ node: z.string().min(1), ips: z.array(ip) });

const schema = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: metadata.optional(),
  items: z.array(item),
});

export const workloadList = resourceKind<WorkloadList>({
  kind: 'WorkloadList',
  apiVersions: ['encap/v1'],
  schema,
  rules: () => [],
  reading: z
    .object({
      metadata: z.object({ name: z.string().default('') }).prefault({}),
      items: z.array(z.object({ node: z.string().min(1), ips: z.array(ip) })),
    })
    .transform(({ metadata: { name }, items }): WorkloadList => ({
      kind: 'WorkloadList',
      name,
      items,
    })),
});

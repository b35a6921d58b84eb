import * as z from 'zod';
import type { Cidr } from '../../net/cidr.js';
import { writtenCidr } from './address.js';
import { resourceKind } from './kind.js';
import { metadata, metadataRules } from './metadata.js';
import { cidr, oneOf } from './schema.js';

/** Calico's claim of a node on a block. Routing follows the block's own affinity, not this. */
export interface BlockAffinity {
  readonly kind: 'BlockAffinity';
  readonly name: string;
  readonly node: string;
  readonly cidr: Cidr;
  readonly state: 'confirmed' | 'pending' | 'pendingDeletion';
}

const states = ['confirmed', 'pending', 'pendingDeletion'] as const;

const schema = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: metadata.optional(),
  spec: z.strictObject({
    state: oneOf('a state', states),
    node: z.string(),
    type: oneOf('a type of affinity', ['host', 'virtual']).optional(),
    cidr,
    // Text in the first version of the API, a boolean in the later one.
    deleted: z.union([oneOf('a truth value', ['true', 'false']), z.boolean()]).optional(),
  }),
});

const reading = z
  .object({
    metadata: z.object({ name: z.string().default('') }).prefault({}),
    spec: z.object({
      state: z.enum(states),
      node: z.string().min(1),
      cidr: z.string().transform((text, context) => {
        const found = writtenCidr(text);
        if (found !== undefined) return found.network;
        context.addIssue(`${JSON.stringify(text)} is not a CIDR (10.0.0.0/24)`);
        return z.NEVER;
      }),
    }),
  })
  .transform(({ metadata: { name }, spec }): BlockAffinity => ({
    kind: 'BlockAffinity',
    name,
    ...spec,
  }));

export const blockAffinity = resourceKind<BlockAffinity>({
  kind: 'BlockAffinity',
  apiVersions: ['crd.projectcalico.org/v1', 'projectcalico.org/v3'],
  schema,
  rules: metadataRules,
  reading,
});

import * as z from 'zod';
import { nodeConfig } from './resources/node-config.js';

/** JSON Schema (draft 7, which editors know) of what one may write into a NodeConfig. */
export function nodeConfigSchema(): object {
  const { properties = {}, ...rest } = z.toJSONSchema(nodeConfig.schema, {
    io: 'input',
    target: 'draft-7',
    // What is read through a function says itself, by `meta`, what may be written.
    unrepresentable: 'any',
  });
  return {
    ...rest,
    title: 'NodeConfig',
    description: 'How encapd works on one node; encap help config explains each member',
    properties: {
      ...properties,
      apiVersion: { const: nodeConfig.apiVersions[0] },
      kind: { const: nodeConfig.kind },
    },
  };
}

import * as z from 'zod';
import type { Kind } from './kinds.js';
import { Unreadable } from '../understood.js';

const named = z.object({ metadata: z.object({ name: z.string().min(1) }) });

/** What an object is called; undefined for one that no API server would keep. */
export function nameIn(object: unknown): string | undefined {
  const parsed = named.safeParse(object);
  return parsed.success ? parsed.data.metadata.name : undefined;
}

/** An object as the API gives it → the resource as it would be written. */
export function resourceOf({ apiVersion, kind }: Kind, object: unknown): unknown {
  const name = nameIn(object);
  if (name === undefined)
    return new Unreadable({ apiVersion, kind, metadata: { name: '' } }, 'it has no metadata.name');
  // Items of lists leave kind and version to the list.
  const whole = { ...(object as object), apiVersion, kind };
  return kind === 'Installation' ? withoutPools(whole) : whole;
}

/** The operator has made IPPools of its pools: those are the truth, and a user may have changed them since. */
function withoutPools(resource: object): object {
  const { spec } = resource as { readonly spec?: { readonly calicoNetwork?: unknown } };
  const network = spec?.calicoNetwork;
  const rest = typeof network === 'object' && network !== null ? network : {};
  return { ...resource, spec: { ...spec, calicoNetwork: { ...rest, ipPools: [] } } };
}

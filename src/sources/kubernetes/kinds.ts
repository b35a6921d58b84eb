import * as z from 'zod';
import type { Api } from './api.js';
import { garbled, refused, type Trouble } from './trouble.js';

/** Resources of one kind, as the API server calls them. None is in a namespace. */
export interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

const nodes: Kind = { apiVersion: 'v1', kind: 'Node', plural: 'nodes' };

/**
 * What Calico decides by, in both of its API groups. BlockAffinities are left out: routes go by the block's own affinity,
 * and there are as many of them as blocks.
 */
const calico = [
  { kind: 'IPPool', plural: 'ippools' },
  { kind: 'FelixConfiguration', plural: 'felixconfigurations' },
  { kind: 'IPAMBlock', plural: 'ipamblocks' },
] as const;

/** The operator's, for its MTU. */
const installation: Kind = {
  apiVersion: 'operator.tigera.io/v1',
  kind: 'Installation',
  plural: 'installations',
};

/** Where the resources of a kind are. */
export function pathOf({ apiVersion, plural }: Kind): string {
  return `${groupPath(apiVersion)}/${plural}`;
}

/** `ipamblocks.crd.projectcalico.org`, as RBAC and kubectl name it. */
export function nameOf({ apiVersion, plural }: Kind): string {
  return apiVersion.includes('/') ? `${plural}.${apiVersion.split('/')[0] ?? ''}` : plural;
}

/** What the ledger calls a resource; a block by its name alone, for there may be many. */
export function keyOf({ kind, plural }: Kind, name: string): string {
  return kind === 'IPAMBlock' ? name : `${plural}/${name}`;
}

/** Where a resource is, as problems tell it: `kubernetes:ipamblocks/10-244-0-0-26`. */
export function placeOf(key: string): string {
  return key.includes('/') ? `kubernetes:${key}` : `kubernetes:ipamblocks/${key}`;
}

/** The kinds that this cluster has. Throws Trouble. */
export async function servedKinds(api: Api, signal: AbortSignal): Promise<readonly Kind[]> {
  const question = { verb: 'get', what: 'API groups', path: '/apis' } as const;
  const groups = groupList.safeParse(await api.get(question, signal));
  if (!groups.success)
    throw garbled({ ...question, server: api.server }, 'the answer is no list of API groups');
  const versions = new Set(
    groups.data.groups.flatMap((group) => group.versions.map((version) => version.groupVersion)),
  );
  // Where both are there, v3 is a view of crd.projectcalico.org that Calico's own API server gives: libcalico-go goes by
  // the same rule.
  const apiVersion = ['crd.projectcalico.org/v1', 'projectcalico.org/v3'].find((one) =>
    versions.has(one),
  );
  const kinds = [nodes];
  if (apiVersion !== undefined) {
    const served = await pluralsOf(apiVersion, api, signal);
    const wanted = calico.map((kind) => ({ ...kind, apiVersion }));
    const missing = wanted.find(({ plural }) => !served.has(plural));
    // A world without blocks would be one of podCIDRs.
    if (missing !== undefined) throw halfServed(missing, api);
    kinds.push(...wanted);
  }
  if (versions.has(installation.apiVersion)) {
    const served = await pluralsOf(installation.apiVersion, api, signal);
    if (served.has(installation.plural)) kinds.push(installation);
  }
  return kinds;
}

const groupList = z.object({
  groups: z.array(z.object({ versions: z.array(z.object({ groupVersion: z.string() })) })),
});

const resourceList = z.object({ resources: z.array(z.object({ name: z.string() })) });

async function pluralsOf(
  apiVersion: string,
  api: Api,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const question = {
    verb: 'get',
    what: `resources of ${apiVersion}`,
    path: groupPath(apiVersion),
  } as const;
  const parsed = resourceList.safeParse(await api.get(question, signal));
  if (!parsed.success)
    throw garbled({ ...question, server: api.server }, 'the answer is no list of resources');
  return new Set(parsed.data.resources.map(({ name }) => name));
}

function halfServed(kind: Kind, { server }: Api): Trouble {
  const said = `it has the group ${kind.apiVersion} without them; are Calico's CRDs installed?`;
  return refused({ verb: 'list', what: nameOf(kind), server }, 404, { said });
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

import { described } from '../../model/check.js';
import { blockName } from '../../model/resources/ipam-block.js';
import { type Head, Unreadable } from '../understood.js';

const resources = '/calico/resources/v3/projectcalico.org/';
const blocks = (family: 'ipv4' | 'ipv6'): string => `/calico/ipam/v2/assignment/${family}/block/`;

/** Where Calico keeps what encapsulation depends on; a BlockAffinity says nothing that its block does not say. */
export const prefixes: readonly string[] = [
  `${resources}nodes/`,
  `${resources}ippools/`,
  `${resources}felixconfigurations/`,
  blocks('ipv4'),
  blocks('ipv6'),
];

const kinds: Readonly<Record<string, string>> = {
  nodes: 'Node',
  ippools: 'IPPool',
  felixconfigurations: 'FelixConfiguration',
};

/** A resource under the key of a ledger. */
export interface Entry {
  readonly key: string;
  /** undefined: it was removed. */
  readonly resource: unknown;
}

/** What Calico stores under a key of etcd, in the form of its API; undefined for what is none of our business. */
export function entryOf(path: string, value: Uint8Array | undefined): Entry | undefined {
  const [, plural = '', name = ''] =
    /^\/calico\/resources\/v3\/projectcalico\.org\/([a-z]+)\/([^/]+)$/.exec(path) ?? [];
  const kind = kinds[plural];
  if (kind !== undefined) {
    const head = { apiVersion: 'projectcalico.org/v3', kind, metadata: { name } };
    return { key: `${plural}/${name}`, resource: value && read(value, head, withHead) };
  }
  const [, cidr] = /^\/calico\/ipam\/v2\/assignment\/ipv[46]\/block\/([^/]+)$/.exec(path) ?? [];
  if (cidr === undefined) return undefined;
  const key = blockName(cidr);
  const head = {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'IPAMBlock',
    metadata: { name: key },
  };
  return { key, resource: value && read(value, head, asSpec) };
}

/** Where in etcd the resource under a key of the ledger is, as a user sees it. */
export function placeOf(key: string): string {
  if (key.includes('/')) return `etcd:${resources}${key}`;
  const cidr = /^(?:\d+-){4}\d+$/.test(key)
    ? key.replace(/-(?=.*-)/g, '.')
    : key.replace(/-(?=.*-)/g, ':');
  return `etcd:${blocks(cidr.includes('.') ? 'ipv4' : 'ipv6')}${cidr}`;
}

type Members = Readonly<Record<string, unknown>>;

function read(
  bytes: Uint8Array,
  head: Head,
  complete: (members: Members, head: Head) => object,
): unknown {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const why = bytes.length === 0 ? 'it is empty' : messageOf(error);
    return new Unreadable(head, `not JSON: ${why}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return new Unreadable(head, `expected a map, found ${described(value)}`);
  return complete(value as Members, head);
}

/** A resource of Calico's API is stored as it is; whose it is, the key says. */
function withHead(members: Members, { apiVersion, kind, metadata: { name } }: Head): object {
  const { metadata } = members;
  const others = typeof metadata === 'object' && !Array.isArray(metadata) ? metadata : {};
  return { ...members, apiVersion, kind, metadata: { ...others, name } };
}

/** Of a block there is what a Kubernetes resource has in its spec. */
function asSpec(spec: Members, head: Head): object {
  return { ...head, spec };
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // Node quotes what it could not parse: half of a resource, in the worst case.
  return message.replace(/, ".*$/s, '').slice(0, 100);
}

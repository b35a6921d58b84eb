import * as z from 'zod';
import { oneOf } from './schema.js';

/** Where a node's Calico resources come from. */
export type Datastore = FileDatastore | EtcdDatastore | KubernetesDatastore;

export interface FileDatastore {
  readonly type: 'file';
  /** Files and folders of Calico resources; undefined: the configuration's own file. */
  readonly paths: readonly string[] | undefined;
}

/** Members that are undefined are the environment's to say, in Calico's words (ETCD_ENDPOINTS …). */
export interface EtcdDatastore {
  readonly type: 'etcdv3';
  /** `https://10.0.0.1:2379`. */
  readonly endpoints: readonly string[] | undefined;
  /** PEM; undefined: the authorities that this machine trusts. */
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly user: string | undefined;
  readonly passwordFile: string | undefined;
}

export interface KubernetesDatastore {
  readonly type: 'kubernetes';
  /** undefined: the files of KUBECONFIG, else the service account of the pod. */
  readonly kubeconfig: string | undefined;
  /** undefined: the file's current one. */
  readonly context: string | undefined;
}

const endpointForm = /^https?:\/\/(?:\[[\da-fA-F:.]+\]|[\w.-]+):\d{1,5}\/?$/;

/** True for what etcd can be asked at: a scheme, a host and a port. */
export function isEndpoint(text: string): boolean {
  return endpointForm.test(text) && URL.canParse(text);
}

const text = z.string().min(1).optional();

const endpoint = z
  .string()
  .refine(isEndpoint, {
    error: ({ input }) =>
      `${JSON.stringify(input)} is no endpoint of etcd: https://HOST:2379, or http:// without TLS`,
  })
  .meta({ pattern: endpointForm.source });

const members = {
  paths: z.array(z.string().min(1)).min(1).optional(),
  endpoints: z.array(endpoint).min(1).optional(),
  caFile: text,
  certFile: text,
  keyFile: text,
  user: text,
  passwordFile: text,
  kubeconfig: text,
  context: text,
} as const;

type Member = keyof typeof members;

const ofType: Readonly<Record<Datastore['type'], readonly Member[]>> = {
  file: ['paths'],
  etcdv3: ['endpoints', 'caFile', 'certFile', 'keyFile', 'user', 'passwordFile'],
  kubernetes: ['kubeconfig', 'context'],
};

/** What makes no sense without the other. */
const pairs: readonly (readonly [Member, Member])[] = [
  ['certFile', 'keyFile'],
  ['keyFile', 'certFile'],
  ['passwordFile', 'user'],
];

export const datastore = z
  .strictObject({ type: oneOf('a datastore', ['file', 'etcdv3', 'kubernetes']), ...members })
  .check(({ value, issues }) => {
    const written = (Object.keys(members) as Member[]).filter(
      (member) => value[member] !== undefined,
    );
    for (const member of written.filter((one) => !ofType[value.type].includes(one))) {
      const message = `a datastore of type ${value.type} has no ${member} (${ofType[value.type].join(', ')})`;
      issues.push({ code: 'custom', input: value, path: [member], message });
    }
    for (const [one, other] of pairs)
      if (written.includes(one) && !written.includes(other)) {
        const message = `${one} without ${other}`;
        issues.push({ code: 'custom', input: value, path: [one], message });
      }
  })
  .meta({
    dependencies: Object.fromEntries(pairs.map(([one, other]) => [one, [other]])),
    oneOf: Object.entries(ofType).map(([type, own]) => ({
      properties: {
        type: { const: type },
        ...Object.fromEntries(
          Object.keys(members)
            .filter((member) => !own.includes(member as Member))
            .map((member) => [member, false]),
        ),
      },
    })),
  });

/** One of the types, with its own members alone. */
export function datastoreOf(written: z.infer<typeof datastore>): Datastore {
  const { type, paths, kubeconfig, context, ...etcd } = written;
  const { endpoints, caFile, certFile, keyFile, user, passwordFile } = etcd;
  switch (type) {
    case 'file':
      return { type, paths };
    case 'etcdv3':
      return { type, endpoints, caFile, certFile, keyFile, user, passwordFile };
    case 'kubernetes':
      return { type, kubeconfig, context };
  }
}

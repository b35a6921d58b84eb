import { EncapError } from '../../errors.js';
import type { Environment } from '../../model/environment.js';
import { byVariable, type Said } from '../../model/origin.js';
import { type EtcdDatastore, isEndpoint } from '../../model/resources/datastore.js';
import type { Access } from './connection.js';

/** Calico's names, those of calico/node and calicoctl, then Felix'. */
const variables = {
  endpoints: ['ETCD_ENDPOINTS', 'FELIX_ETCDENDPOINTS'],
  caFile: ['ETCD_CA_CERT_FILE', 'FELIX_ETCDCAFILE'],
  certFile: ['ETCD_CERT_FILE', 'FELIX_ETCDCERTFILE'],
  keyFile: ['ETCD_KEY_FILE', 'FELIX_ETCDKEYFILE'],
  user: ['ETCD_USERNAME'],
  password: ['ETCD_PASSWORD'],
} as const;

/** What the environment says of one member of the access. */
export function etcdWord(
  member: keyof typeof variables,
  environment: Environment,
): Said<string> | undefined {
  return byVariable(environment, ...variables[member]);
}

/** How to get at etcd: what a NodeConfig says, and what it leaves open as the environment says. */
export function accessOf(
  configured: Partial<EtcdDatastore> | undefined,
  environment: Environment,
): Access {
  const said = (member: keyof typeof variables): string | undefined =>
    etcdWord(member, environment)?.value;
  const { passwordFile } = configured ?? {};
  return {
    endpoints: configured?.endpoints ?? endpointsIn(environment),
    caFile: configured?.caFile ?? said('caFile'),
    certFile: configured?.certFile ?? said('certFile'),
    keyFile: configured?.keyFile ?? said('keyFile'),
    user: configured?.user ?? said('user'),
    passwordFile,
    password: passwordFile === undefined ? said('password') : undefined,
  };
}

function endpointsIn(environment: Environment): readonly string[] {
  const said = etcdWord('endpoints', environment);
  if (said === undefined)
    throw new EncapError('cannot read etcd: nobody says where it is', {
      code: 'CONFIG_INVALID',
      why: 'the NodeConfig has no datastore.endpoints, and ETCD_ENDPOINTS is not set',
      hint: 'write datastore: {type: etcdv3, endpoints: [https://HOST:2379]}: encap help config',
    });
  const endpoints = said.value.split(',').map((one) => one.trim());
  const bad = endpoints.find((one) => !isEndpoint(one));
  if (bad !== undefined)
    throw new EncapError(`cannot read etcd: ${JSON.stringify(bad)} is no endpoint`, {
      code: 'CONFIG_INVALID',
      why: said.origin.from === 'variable' ? `it is from ${said.origin.name}` : '',
      hint: 'an endpoint is https://HOST:2379, or http://HOST:2379 without TLS; several have commas between them',
    });
  return endpoints;
}

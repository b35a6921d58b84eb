import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { EncapError } from '../errors.js';
import { nodeNameOf, usualFolder } from './inputs.js';
import { datastoreIn } from './source.js';

/** Where kubelet puts what a pod knows of its cluster. */
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** A NodeConfig of this machine: what was found is written, and what was found out is said in comments. */
export function starter(node: string | undefined, env: NodeJS.ProcessEnv): string {
  const name = nodeNameOf(node, env);
  const uplink = uplinkFound();
  return `# How encap works on this node. All that can be said here: encap help config
# Owned by root, writable by nobody else. Try it: encap run -c FILE --dry-run
apiVersion: encap/v1
kind: NodeConfig
${datastoreLines(env)}
node:
  name: ${JSON.stringify(name)} # must be the name of a Node resource
${interfaceLine(uplink)}
# mtu: { underlay: auto } # auto: the interface's own${uplink === undefined ? '' : `, ${uplink.mtu} now`}
# metrics: { listen: '127.0.0.1:9475' } # for Prometheus
# health: { listen: '127.0.0.1:9475' } # /healthz and /readyz
# log: { level: info }
`;
}

/** Never over a file that is there, unless that is asked for. */
export function writeStarter(file: string, text: string, force: boolean): void {
  try {
    // Others may read it: passwords and keys are in files of their own.
    writeFileSync(file, text, { flag: force ? 'w' : 'wx', mode: 0o644 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw unwritable(file, cause);
    throw new EncapError(`cannot write ${file}: there is such a file`, {
      code: 'USAGE',
      hint: 'name another one, or write over it: --force',
      place: { file },
      cause,
    });
  }
}

function unwritable(file: string, cause: unknown): EncapError {
  return new EncapError(
    `cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
    {
      code: 'FILE_UNREADABLE',
      hint: 'name a file in a folder that is there and that you may write',
      place: { file },
      cause,
    },
  );
}

function datastoreLines(env: NodeJS.ProcessEnv): string {
  const said = datastoreIn(env)?.value;
  const isPod = existsSync(serviceAccount);
  if (said?.type === 'etcdv3')
    return `datastore:
  type: etcdv3 # as DATASTORE_TYPE says
  endpoints: [${(env.ETCD_ENDPOINTS ?? 'https://127.0.0.1:2379')
    .split(',')
    .map((one) => JSON.stringify(one.trim()))
    .join(', ')}]
# caFile: /etc/encap/etcd/ca.crt
# certFile: /etc/encap/etcd/node.crt
# keyFile: /etc/encap/etcd/node.key`;
  if (said?.type === 'kubernetes' || isPod)
    return `datastore:
  type: kubernetes # ${said === undefined ? 'this is a pod' : 'as DATASTORE_TYPE says'}
${kubeconfigLine(env, isPod)}`;
  return `datastore:
  type: file # or etcdv3, kubernetes
  paths: [${usualFolder}] # Calico resources${existsSync(usualFolder) ? '' : '; make this folder'}`;
}

function kubeconfigLine({ KUBECONFIG = '' }: NodeJS.ProcessEnv, isPod: boolean): string {
  if (KUBECONFIG !== '' && !KUBECONFIG.includes(':'))
    return `  kubeconfig: ${JSON.stringify(KUBECONFIG)}`;
  return `# kubeconfig: /etc/encap/kubeconfig # else KUBECONFIG${isPod ? ', else the service account of this pod' : ''}`;
}

interface Uplink {
  readonly name: string;
  readonly address: string;
  readonly mtu: number;
}

function interfaceLine(uplink: Uplink | undefined): string {
  if (uplink === undefined)
    return "# interfaces: [eth0] # else the interface with the node's address; no default route says which";
  const { name, address } = uplink;
  return `  interfaces: [${JSON.stringify(name)}] # has ${address} and the default route; left out: the interface with the node's address`;
}

/** The interface of the default route, where it has an address. */
function uplinkFound(): Uplink | undefined {
  const [best] = readFileSync('/proc/net/route', 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter(([, destination, , , , , , mask]) => /^0+$/.test(`${destination}${mask}`))
    .sort((a, b) => Number(a[6]) - Number(b[6]));
  const name = best?.[0];
  const address = networkInterfaces()[name ?? '']?.find(({ family }) => family === 'IPv4');
  if (name === undefined || address === undefined) return undefined;
  const mtu = Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8'));
  return { name, address: address.cidr ?? address.address, mtu };
}

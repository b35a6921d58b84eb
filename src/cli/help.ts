import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { catalogue, EncapError, type exitCodes } from '../errors.js';
import { examplesOf } from './examples.js';
import { didYouMean } from './suggest.js';

/** `encap help`: of a command, a topic, or an error code. */
export function define(command: Command): void {
  examplesOf(command.argument('[word...]', 'command, topic or error code'), [
    ['encap help explain', 'a command'],
    ['encap help exit-codes', 'what the exit codes mean'],
    ['encap help config', 'what a NodeConfig can say'],
    ['encap help environment', 'the variables that are read'],
    ['encap help man | man -l -', 'all of it as a manual'],
    ['encap help PERMISSION', 'an error: what happened, why, what to do'],
  ]).action(async (words: readonly string[]) => {
    process.stdout.write(await helpOn(command, words));
  });
}

async function helpOn(command: Command, [word, ...rest]: readonly string[]): Promise<string> {
  const program = command.parent ?? command;
  if (word === undefined) return textOf(program);
  const topic = topics[word];
  if (topic !== undefined) return await topic();
  if (Object.hasOwn(catalogue, word.toUpperCase())) return sectionOf(word.toUpperCase());
  const found = [word, ...rest].reduce<Command | undefined>(
    (at, name) => at?.commands.find((one) => one.name() === name),
    program,
  );
  if (found !== undefined) return textOf(found);
  const known = [...program.commands.map((one) => one.name()), ...Object.keys(topics)];
  throw new EncapError(
    `cannot help with ${[word, ...rest].join(' ')}: no such command, topic or error code`,
    {
      code: 'USAGE',
      hint: await didYouMean(word, known, 'encap --help'),
    },
  );
}

/** Help with the examples, as --help prints it. */
function textOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

/** The section of docs/errors.md. */
async function sectionOf(code: string): Promise<string> {
  const text = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const section = text
    .split(/^## /m)
    .find((part) => part.startsWith(`${code}\n`) || part.startsWith(`${code} `));
  if (section === undefined) throw new Error(`docs/errors.md has no section ${code}`);
  return `${section.trimEnd()}\n`;
}

/** A configuration that says everything there is to say. */
const sampleConfig = `# /etc/encap/node.yaml, for: encap run -c /etc/encap/node.yaml
# All of it may be left out. Owned by root, writable by nobody else.
apiVersion: encap/v1
kind: NodeConfig
datastore:
  type: file
  paths: [cluster.d]      # Calico resources; counts from this file's folder
# type: etcdv3            # or Calico's own etcd, left out members: ETCD_ENDPOINTS, ETCD_CA_CERT_FILE …
# endpoints: ['https://10.0.0.1:2379', 'https://10.0.0.2:2379']
# caFile: etcd/ca.crt     # PEM; else the authorities that this machine trusts
# certFile: etcd/node.crt
# keyFile: etcd/node.key  # not for everybody to read, nor is the password
# user: encap
# passwordFile: etcd/password
# type: kubernetes        # or the Kubernetes API, where Calico keeps its resources there
# kubeconfig: kubeconfig  # else KUBECONFIG, else the service account of the pod
# context: cluster-1      # else the file's current one
node:
  name: node-a            # else NODENAME, FELIX_FELIXHOSTNAME, the host's name
  addressV4: auto         # the Node resource's spec.bgp.ipv4Address
  addressV6: auto         # and ipv6Address
  interfaces: [eth0]      # one; else the interface with the node's address
vxlan: { vni: 4096, port: 4789 }
mtu: { underlay: auto }   # or bytes, at most the interface's own
kernelTunnels: leave      # vxlan.calico, vxlan-v6.calico and tunl0 carry what their routes lead to, and it is complained of;
                          # coexist: meant so; replace: encapd carries it (docs/migration.md)
checks:                   # of received packets
  source: strict          # inner source: the sender's alone; pool: nobody else's; off: anything
  destination: strict     # inner destination: this node's alone; pool: nobody else's; off: anything
  vxlanReservedBits: strict # must be zero; ignore: as RFC 7348 has it
  outerOptions: drop      # options of the outer IPv4 header; accept: read over them
sharedVxlanPort: true     # other VNIs pass, they are someone's; false: dropped
receiveMerging: auto      # the kernel merges received VXLAN packets (interface encap.merge0); off: it does not
fastPath: never           # guarded: answered flows go past the host's stack; always: all packets, whatever its rules say
dscp: inherit             # the outer DSCP is the inner one; uniform: and the far end writes it back;
                          # { pipe: 46 }: it is 46
outerTtl: 64              # 1 to 255; inherit: the inner packet's
zeroUdpChecksum: never    # VXLAN over IPv6 without UDP checksum: always, or to a list of nodes that run encap;
                          # a kernel's vxlan device drops it
metrics:                  # for Prometheus, at /metrics (docs/operations.md)
  listen: off             # or ADDRESS:PORT: 127.0.0.1:9475, [::1]:9475
  perPeer: true           # false: one sum for all nodes
health: { listen: off }   # or ADDRESS:PORT, the same one too: /healthz and /readyz
log: { level: info }      # trace, debug, info, warn, error, fatal, silent
beyondCalico:             # what Calico has no name for: the same on all nodes, and none of Calico's own among them
  ipv6PoolsOver: ipv6     # outer headers of IPv6 pools; ipv4: nodes need no IPv6 address
  ipv4PoolsOver: ipv4     # of IPv4 pools with VXLAN; ipv6: nodes need no IPv4 address
  ip6ip: false            # true: ipipMode of IPv6 pools is IPv6 behind protocol 41
`;

/** encap(1): of the whole tree, whatever the command line named. */
async function manual(): Promise<string> {
  const [{ commandLine, verbs }, { manualOf }, { ownVersion }] = await Promise.all([
    import('./program.js'),
    import('./manual.js'),
    import('./version.js'),
  ]);
  return manualOf(await commandLine(verbs.map(({ name }) => name)), {
    version: await ownVersion(),
    exitCodes: Object.fromEntries(
      Object.entries(exitCodeMeanings).map(([code, meaning]) => [
        code,
        meaning.replaceAll('`', ''),
      ]),
    ),
    environment,
  });
}

const topics: Readonly<Record<string, () => string | Promise<string>>> = {
  man: manual,
  config: () => sampleConfig,
  'exit-codes': () =>
    Object.entries(exitCodeMeanings)
      .map(([code, meaning]) => `${code.padStart(3)}  ${meaning}\n`)
      .join(''),
  environment: () =>
    Object.entries(environment)
      .map(([names, meaning]) => `${names}\n      ${meaning}\n`)
      .join(''),
};

const exitCodeMeanings: Readonly<
  Record<(typeof exitCodes)[keyof typeof exitCodes] | 130 | 143, string>
> = {
  0: 'well; also `encap run` that Ctrl-C or SIGTERM ended: the datapath stays',
  1: 'unexpected failure: a bug, or a kernel that refused for no reason that we know',
  2: 'the command line is wrong',
  3: 'a resource, a file or a setting is invalid',
  4: 'permission is missing: root, or CAP_BPF with CAP_NET_ADMIN and CAP_PERFMON',
  5: 'a feature of the kernel or a tool is missing',
  6: 'agent, datapath, datastore or another machine is not there',
  7: 'degraded: it works, but something is wrong with it',
  10: 'there are changes (`encap plan --exit-code`)',
  130: 'any other command ended by Ctrl-C (SIGINT)',
  143: 'any other command ended by SIGTERM',
};

const environment: Readonly<Record<string, string>> = {
  'ENCAP_NODE, NODENAME, FELIX_FELIXHOSTNAME':
    "this node's name, without --node (else the host name)",
  ENCAP_CONFIG:
    'files or folders with resources, separated by colons, without -f or -c (else /etc/encap/cluster.d)',
  ENCAP_KERNEL_TUNNELS:
    'replace, coexist or leave, before the NodeConfig, without --replace-kernel-tunnels or --coexist',
  ENCAP_METRICS: 'where Prometheus finds metrics (ADDRESS:PORT, off), without --metrics',
  ENCAP_METRICS_PER_PEER: 'false: one sum for all nodes, without --no-metrics-per-peer',
  ENCAP_HEALTH: 'where /healthz and /readyz are (ADDRESS:PORT, off), without --health',
  'DATASTORE_TYPE=etcdv3, ETCD_ENDPOINTS, ETCD_CA_CERT_FILE, ETCD_CERT_FILE, ETCD_KEY_FILE, ETCD_USERNAME, ETCD_PASSWORD':
    "Calico's etcd, without -f or ENCAP_CONFIG, where the NodeConfig does not say otherwise (FELIX_DATASTORETYPE … too)",
  'DATASTORE_TYPE=kubernetes, KUBECONFIG':
    "the Kubernetes API, likewise; without KUBECONFIG the pod's service account",
  'ENCAP_LOG_LEVEL, FELIX_LOGSEVERITYSCREEN': 'how much is logged, without --log-level',
  'FELIX_*':
    "Felix's settings, before those of FelixConfiguration: FELIX_VXLANVNI, FELIX_VXLANPORT, FELIX_VXLANMTU, FELIX_IPINIPMTU …",
  'CALICO_IPV4POOL_*, CALICO_IPV6POOL_*, NO_DEFAULT_POOLS':
    'the default pools, where the resources have none',
  'NO_COLOR, FORCE_COLOR, TERM=dumb': 'whether output is coloured, without --color',
};

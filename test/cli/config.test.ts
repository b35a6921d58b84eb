import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { encap, encapOnTerminal, noTerminal } from './encap.js';
import { fileWith, world } from './files.js';

/** A folder with a NodeConfig and a folder of resources, to run in. */
function nodeIn(t: ExecutionContext): string {
  const config = `apiVersion: encap/v1
kind: NodeConfig
datastore:
  type: file
  paths: [cluster.d]
vxlan:
  vni: 4100
checks: { source: pool }
log: { level: warn }
`;
  const folder = dirname(fileWith(t, config, 'node.yaml'));
  const felix = `---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: { name: default }
spec: { vxlanVNI: 4099, vxlanPort: 4790, vxlanMTU: 1400 }
`;
  mkdirSync(join(folder, 'cluster.d'));
  writeFileSync(join(folder, 'cluster.d/world.yaml'), `${world}${felix}`);
  return folder;
}

const env = {
  FELIX_VXLANMTU: '1300',
  FELIX_LOGSEVERITYSCREEN: 'Debug',
  ENCAP_HEALTH: '127.0.0.1:7',
  ENCAP_RUN_DIR: '/run/other',
  ENCAP_CACHE_DIR: '/var/cache/encap',
};
const args = ['config', 'show', '-c', 'node.yaml', '--node', 'node-a', '--iface', 'eth1'];

const shown = `SETTING                          VALUE                                 ORIGIN
node.name                        node-a                                --node
datastore.type                   file                                  node.yaml:4:9 (NodeConfig)
datastore.paths                  node.yaml,FOLDER/cluster.d   node.yaml:5:10 (NodeConfig)
node.addressV4                   192.168.10.11/24                      FOLDER/cluster.d/world.yaml:15:23 (Node node-a)
node.ipv4VXLANTunnelAddr         10.244.1.0                            FOLDER/cluster.d/world.yaml:16:24 (Node node-a)
node.ipv4IPIPTunnelAddr          10.245.1.0                            FOLDER/cluster.d/world.yaml:15:61 (Node node-a)
node.interfaces                  eth1                                  --iface
mtu.underlay                     auto                                  default
kernelTunnels                    leave                                 default
checks.source                    pool                                  node.yaml:8:19 (NodeConfig)
checks.destination               strict                                default
checks.vxlanReservedBits         strict                                default
checks.outerOptions              drop                                  default
sharedVxlanPort                  true                                  default
receiveMerging                   auto                                  default
fastPath                         never                                 default
dscp                             inherit                               default
outerTtl                         64                                    default
zeroUdpChecksum                  never                                 default
beyondCalico.ipv6PoolsOver       ipv6                                  default
beyondCalico.ipv4PoolsOver       ipv4                                  default
beyondCalico.ip6ip               false                                 default
metrics.listen                   127.0.0.1:9475                        --metrics
metrics.perPeer                  false                                 --no-metrics-per-peer
health.listen                    127.0.0.1:7                           ENCAP_HEALTH
log.level                        debug                                 FELIX_LOGSEVERITYSCREEN
vxlanEnabled                     auto                                  default
ipipEnabled                      auto                                  default
vxlanPort                        4790                                  FOLDER/cluster.d/world.yaml:55:36 (FelixConfiguration default)
vxlanVNI                         4100                                  node.yaml:7:8 (NodeConfig)
vxlanMTU                         1300                                  FELIX_VXLANMTU
vxlanMTUV6                       0                                     default
ipipMTU                          0                                     default
ipv6Support                      true                                  default
externalNodesList                -                                     default
allowVXLANPacketsFromWorkloads   false                                 default
allowIPIPPacketsFromWorkloads    false                                 default
routeSource                      CalicoIPAM                            default
programClusterRoutes             EnabledIPIPOnly                       default
attach                           auto                                  default
log.format                       json                                  --log-format
ENCAP_BPFFS                      /sys/fs/bpf/encap                     default
ENCAP_RUN_DIR                    /run/other                            ENCAP_RUN_DIR
ENCAP_CACHE_DIR                  /var/cache/encap                      ENCAP_CACHE_DIR
`;

/** Columns are as wide as the test's folder is long. */
function narrow(text: string, folder: string): string {
  return text.replaceAll(folder, 'FOLDER').replaceAll(/ {3,}/g, '   ');
}

const more = ['--metrics', '--no-metrics-per-peer', '--log-format', 'json'];

test('config show --origin names option, variable, file and line, resource or default', async (t) => {
  const cwd = nodeIn(t);
  const { stdout, stderr, code } = await encap([...args, ...more, '--origin'], { cwd, env });
  t.is(narrow(stdout, cwd), shown.replaceAll(/ {3,}/g, '   '));
  t.is(stderr, '');
  t.is(code, 0);
});

test('config show has the same values without --origin, and in JSON', async (t) => {
  const cwd = nodeIn(t);
  const [plain, json, yaml] = await Promise.all([
    encap([...args, ...more], { cwd, env }),
    encap([...args, ...more, '--origin', '-o', 'json'], { cwd, env }),
    encap([...args, ...more, '--origin', '-o', 'yaml'], { cwd, env }),
  ]);
  const rows = shown.split('\n').map((line) => line.split(/ {3,}/).slice(0, 2).join('   '));
  t.is(narrow(plain.stdout, cwd), rows.join('\n'));
  const document = JSON.parse(json.stdout) as { kind: string; items: { name: string }[] };
  t.like(document, { apiVersion: 'encap/v1', kind: 'Settings' });
  t.is(document.items.length, rows.length - 2);
  t.like(
    document.items.find(({ name }) => name === 'checks.source'),
    {
      value: 'pool',
      origin: { from: 'resource', resource: 'NodeConfig', file: 'node.yaml', line: 8, column: 19 },
    },
  );
  t.deepEqual(parse(yaml.stdout), document);
});

(noTerminal() === undefined ? test : test.skip)('config show on a terminal of 80 columns', (t) => {
  const cwd = nodeIn(t);
  const { text, code } = encapOnTerminal([...args, '--origin'], { cwd, env });
  t.is(code, 0);
  const lines = text.trimEnd().split('\n');
  t.is(lines.length, shown.split('\n').length - 1);
  for (const line of lines) t.true(line.length <= 80, line);
  t.true(lines.some((line) => /^log\.level +debug +FELIX_LOG/.test(line)));
});

test('passwords are not shown', async (t) => {
  const etcd = {
    DATASTORE_TYPE: 'etcdv3',
    ETCD_ENDPOINTS: 'http://127.0.0.1:1',
    ETCD_USERNAME: 'u',
    ETCD_PASSWORD: 'quite secret',
  };
  const { settingsIn } = await import('../../src/cli/config-settings.js');
  const { placeOf } = await import('../../src/cli/source.js');
  const { inventoryOf } = await import('../../src/model/assemble.js');
  const options = {
    file: [],
    attach: 'auto',
    logFormat: 'auto',
    metricsPerPeer: true,
  } as const;
  const nothing = inventoryOf({ files: [], documents: [], problems: [] });
  const settings = settingsIn(
    { world: nothing, place: await placeOf(options, etcd) },
    options,
    etcd,
  );
  t.notRegex(JSON.stringify(settings), /quite secret/);
  t.deepEqual(
    settings.filter(({ name }) => /password|user|endpoints/.test(name)).map((one) => one.value),
    [['http://127.0.0.1:1'], 'u', undefined, '(hidden)'],
  );
});

test('config schema prints the JSON Schema', async (t) => {
  const { stdout, code } = await encap(['config', 'schema']);
  t.is(code, 0);
  t.like(JSON.parse(stdout), {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'NodeConfig',
    additionalProperties: false,
  });
});

test('config init prints a NodeConfig for this machine, which encap takes', async (t) => {
  const { stdout, stderr, code } = await encap(['config', 'init']);
  t.is(code, 0);
  t.is(stderr, '');
  t.regex(stdout, /^# How encap works on this node/);
  const written = parse(stdout) as { node: { name: string }; datastore: { type: string } };
  t.is(written.node.name, hostname().trim().toLowerCase());
  const checked = await encap(['validate', '-'], { stdin: stdout });
  t.is(checked.stdout, '1 resource in 1 file: valid\n');
});

test('config init takes datastore and name from where run would have them', async (t) => {
  const env = { DATASTORE_TYPE: 'etcdv3', ETCD_ENDPOINTS: 'http://a:1,http://b:2', NODENAME: 'n' };
  const { stdout } = await encap(['config', 'init'], { env });
  t.like(parse(stdout), {
    node: { name: 'n' },
    datastore: { type: 'etcdv3', endpoints: ['http://a:1', 'http://b:2'] },
  });
  const kube = { DATASTORE_TYPE: 'kubernetes', KUBECONFIG: '/etc/kc' };
  const { stdout: second } = await encap(['config', 'init', '--node', 'm'], { env: kube });
  t.like(parse(second), {
    node: { name: 'm' },
    datastore: { type: 'kubernetes', kubeconfig: '/etc/kc' },
  });
});

test('config init writes a file once, and over it only when it is told to', async (t) => {
  const cwd = dirname(fileWith(t, 'mine', 'there.yaml'));
  const file = join(cwd, 'node.yaml');
  const first = await encap(['config', 'init', file]);
  t.is(first.code, 0);
  t.is(first.stdout, '');
  t.regex(first.stderr, /^wrote /);
  t.is(statSync(file).mode & 0o022, 0);
  t.is((await encap(['validate', file])).code, 0);

  const second = await encap(['config', 'init', join(cwd, 'there.yaml')]);
  t.is(second.code, 2);
  t.regex(second.stderr, /there is such a file\n(?:at: .*\n)?do: {2}.*--force/);
  t.is(readFileSync(join(cwd, 'there.yaml'), 'utf8'), 'mine');

  const forced = await encap(['config', 'init', '--force', join(cwd, 'there.yaml')]);
  t.is(forced.code, 0);
  t.is(readFileSync(join(cwd, 'there.yaml'), 'utf8'), readFileSync(file, 'utf8'));

  const nowhere = await encap(['config', 'init', join(cwd, 'no/such/folder.yaml')]);
  t.is(nowhere.code, 3);
  t.regex(nowhere.stderr, /^encap: cannot write .*ENOENT/);
});

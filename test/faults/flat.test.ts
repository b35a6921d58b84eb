import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resource } from '../support/network/cluster.js';
import { networkTest } from '../support/network/network-test.js';
import { within } from '../support/slowness.js';
import { after, before } from './all-k/worlds.js';
import { slope, type Possessions } from './flat/possessions.js';
import { isSoak, logRepetitions, repetitionsOf } from '../support/repetitions.js';

const main = fileURLToPath(new URL('./flat/life.js', import.meta.url));

/** Of 10,000 rounds. */
const mostGrowthBytes = 5e6;
/** What malloc keeps of loading programs comes on top: 9.6 MB were seen in 3,000 rounds. */
const mostResidentBytes = 16e6;

/** Another mode and other owners; many nodes and blocks that come and go; last, other programs. */
const worlds: readonly (readonly object[])[] = [
  before.resources,
  after.resources.filter((one) => !('kind' in one && one.kind === 'FelixConfiguration')),
  [...before.resources, ...crowd(60)],
  [...crowd(20), ...before.resources, resource('FelixConfiguration', 'default', { vxlanVNI: 77 })],
];

function crowd(nodes: number): object[] {
  return Array.from({ length: nodes }, (_, place) => [
    resource('Node', `crowd-${place}`, {
      bgp: { ipv4Address: `192.168.${100 + (place >> 7)}.${(place & 127) + 1}/24` },
      ipv4VXLANTunnelAddr: `10.244.40.${place + 1}`,
    }),
    resource('IPAMBlock', `crowd-${place}`, {
      cidr: `10.244.${50 + (place >> 2)}.${(place & 3) * 64}/26`,
      affinity: `host:crowd-${place}`,
      allocations: Array.from({ length: 64 }, () => null),
      attributes: [],
      unallocated: Array.from({ length: 64 }, (_, ordinal) => ordinal),
      strictAffinity: false,
      deleted: false,
    }),
  ]).flat();
}

networkTest('P9 rounds leave nothing behind in the agent or the kernel', (t, network) => {
  t.timeout(within(3_600_000));
  const environment = network.environment('a');
  mkdirSync(environment['ENCAP_RUN_DIR'] ?? '', { recursive: true });
  const files = worlds.map((world, place) => {
    const file = join(network.scratch, `world-${place}.yaml`);
    writeFileSync(file, world.map((one) => JSON.stringify(one)).join('\n---\n'));
    return file;
  });
  const rounds = repetitionsOf('P9');
  const words = [process.execPath, '--expose-gc', main, String(rounds), ...files];
  const { stdout, stderr, status } = spawnSync(
    'nsenter',
    [`--net=/run/netns/${network.space('a')}`, ...words],
    { env: environment, encoding: 'utf8', timeout: within(isSoak ? 3_500_000 : 280_000) },
  );
  t.is(status, 0, stderr);
  const seen = JSON.parse(stdout) as Possessions[];
  const warm = seen.slice(Math.ceil(seen.length / 4));
  const [first, last] = [warm[0], warm.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was seen');
  for (const what of ['fds', 'maps', 'programs', 'links', 'netlink', 'pins'] as const) {
    t.true(first[what] > 0, what);
    t.deepEqual([...new Set(warm.map((one) => one[what]))], [first[what]], what);
  }
  const heapGrowth = slope(warm.map(({ round, heap }) => [round, heap])) * 10_000;
  const grown = last.rss - first.rss;
  t.log(
    `${rounds} rounds: RSS ${mb(first.rss)} MB and ${mb(last.rss)} MB, heap ${mb(first.heap)} and ${mb(last.heap)} MB, of 10,000 rounds ${mb(heapGrowth)} MB`,
  );
  // Of few rounds the slope is that of warming up.
  if (isSoak) t.true(heapGrowth < mostGrowthBytes, `${mb(heapGrowth)} MB of heap`);
  t.true(last.heap - first.heap < mostGrowthBytes, `${mb(last.heap - first.heap)} MB of heap`);
  t.true(grown < mostResidentBytes, `${mb(grown)} MB`);
  logRepetitions(t, 'P9', rounds);
});

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

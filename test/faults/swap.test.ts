import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inNamespace, Netlink } from 'libbpf-ts';
import { Attachment, hooksOf } from '../../src/datapath/attach.js';
import { findClang } from '../../src/datapath/clang.js';
import { compile } from '../../src/datapath/compile.js';
import { configOf, probe } from '../../src/datapath/config.js';
import { cutterNames } from '../../src/datapath/cutter.js';
import { foldersOf } from '../../src/datapath/folders.js';
import { load as loadPrograms } from '../../src/datapath/load.js';
import { root } from '../support/object.js';
import { inside, ip, type Network } from '../support/network/network.js';
import { defaults } from '../unit/decide/worlds.js';
import { faultTest } from './fault-test.js';
import { inWords, Load, lossOf, none } from './load.js';

/** Packets that the kernel handed to an interface's hooks, and what ours made of them. */
interface Counted {
  /** By the kernel's count of the interface. */
  readonly device: number;
  /** Runs of every version of the program. */
  readonly runs: number;
  /** Packets that have a verdict. */
  readonly verdicts: number;
}

function received(network: Network): number {
  const shown = ip('-n', network.space('a'), '-s', '-j', 'link', 'show', 'dev', 'eth0');
  const [link] = JSON.parse(shown) as readonly { stats64: { rx: { packets: number } } }[];
  return link?.stats64.rx.packets ?? 0;
}

faultTest(
  {
    id: 'F04',
    title:
      'programs swapped under load by updates of their links: nothing is lost, and each packet meets exactly one of them',
    limitMs: 3_600_000,
  },
  async (t, network, times) => {
    await network.agent('b');
    await (await network.agent('a')).end('SIGTERM'); // the test takes its place
    const folders = foldersOf(network.environment('a'));
    process.env['ENCAP_CACHE_DIR'] = network.environment('a')['ENCAP_CACHE_DIR'];
    const object = compile();
    const settings = { ...defaults, programClusterRoutes: 'Enabled' } as const;
    const statistics = '/proc/sys/kernel/bpf_stats_enabled';
    const before = readFileSync(statistics, 'utf8');
    writeFileSync(statistics, '1');
    t.teardown(() => writeFileSync(statistics, before));

    const versions = inNamespace(`/run/netns/${network.space('a')}`, () =>
      [false, true].map((allowVxlanFromWorkloads) =>
        loadPrograms({
          object,
          config: configOf({ ...settings, allowVxlanFromWorkloads }, probe()),
          needs: {},
          folders,
        }),
      ),
    );
    using attachment = new Attachment('tcx');
    const swap = (place: number): void =>
      inNamespace(`/run/netns/${network.space('a')}`, () => {
        using netlink = Netlink.open();
        const links = netlink.links();
        const index = (name: string): number =>
          links.find((link) => link.name === name)?.index ?? 0;
        const hooks = hooksOf(
          { name: 'eth0', index: index('eth0') },
          { in: index(cutterNames.in), out: index(cutterNames.out) },
        );
        const [version] = versions.slice(place % 2);
        if (version !== undefined) attachment.attach(version, hooks, links);
      });
    const counted = (): Counted => ({
      device: received(network),
      runs: versions.reduce((sum, { programs }) => sum + Number(programs.ingress.info.runCount), 0),
      verdicts: network
        .status('a')
        .verdicts.reduce((sum, { ingress }) => sum + Number(ingress.packets), 0),
    });
    swap(0);
    await sleep(500);
    const first = counted();
    await using load = await Load.start(network);
    for (let round = 1; round <= times; round += 1) {
      swap(round);
      await sleep(5);
    }
    const sums = await load.stop();
    const last = counted();
    t.log(inWords(sums));
    t.deepEqual(lossOf(sums), none);
    const packets = last.device - first.device;
    t.true(packets > 1000);
    t.deepEqual(
      { runs: last.runs - first.runs, verdicts: last.verdicts - first.verdicts },
      { runs: packets, verdicts: packets },
    );
    for (const version of versions) version[Symbol.dispose]();
  },
);

/**
 * This build in a folder of its own, with one layout that is another one: struct policy has a field more, in C and in
 * TypeScript. Gives its main file.
 */
function anotherBuild(network: Network): string {
  const folder = join(network.scratch, 'next');
  mkdirSync(join(folder, 'dist'), { recursive: true });
  for (const part of ['dist/src', 'bpf', 'package.json'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  change(join(folder, 'bpf/abi.h'), [
    [/(enum family underlay;\s+\/\* of the outer headers that may \*\/\n)/, '$1\t__u32 edition;\n'],
    ['ABI_SIZE(struct policy, 16)', 'ABI_SIZE(struct policy, 20)'],
  ]);
  change(join(folder, 'dist/src/datapath/abi.js'), [
    [
      /policy = struct\('policy', \{(.*?)\}\);/s,
      "policy = mapped(struct('policy', {$1 edition: u32 }), ({ edition, ...rest }) => rest, (rest) => ({ ...rest, edition: 2 }));",
    ],
  ]);
  return join(folder, 'dist/src/cli/main.js');
}

function change(file: string, changes: readonly (readonly [string | RegExp, string])[]): void {
  const text = readFileSync(file, 'utf8');
  const changed = changes.reduce((before, [from, to]) => {
    const after = before.replace(from, to);
    if (after === before) throw new Error(`${file} has no ${String(from)}`);
    return after;
  }, text);
  writeFileSync(file, changed);
}

const compiler = findClang(process.env['PATH'] ?? '');

faultTest(
  {
    id: 'F05',
    title:
      'an upgrade to another layout of the maps, and back: new maps are filled beside the old ones, links swapped, old pins removed, and nothing is lost',
    unless: compiler.kind === 'missing' ? compiler.why : undefined,
    limitMs: 3_600_000,
  },
  async (t, network, times) => {
    const next = anotherBuild(network);
    await network.agent('b');
    let agent = await network.command('a');
    const { ENCAP_BPFFS: pins = '' } = network.environment('a');
    const first = network.status('a');
    const [link] = linksOf(network);
    await using load = await Load.start(network);
    let before = first.generation;
    for (let round = 0; round < 2 * times; round += 1) {
      await agent.end(round % 4 < 2 ? 'SIGTERM' : 'SIGKILL');
      const isNext = round % 2 === 0;
      agent = isNext
        ? network.startCommand('a', ['--compile'], {}, undefined, next)
        : network.startCommand('a');
      await agent.until('ready');
      const [generation = '', ...others] = readdirSync(pins);
      t.deepEqual(others, [], 'nothing of the other layout stays');
      t.not(generation, before);
      if (!isNext) t.is(generation, first.generation);
      before = generation;
      t.deepEqual(linksOf(network)[0], link, 'the links are the same');
    }
    const sums = await load.stop();
    t.log(inWords(sums));
    t.deepEqual(lossOf(sums), none);
    t.deepEqual(network.status('a').blocks, first.blocks);
  },
);

/** Ids of the links, by the kernel. */
function linksOf(network: Network): readonly string[] {
  const { ENCAP_BPFFS: pins = '' } = network.environment('a');
  const [generation = ''] = readdirSync(pins);
  return ['egress', 'ingress'].map((name) => {
    const pin = join(pins, generation, 'links', name);
    const shown = inside(network.space('a'), 'bpftool', '-j', 'link', 'show', 'pinned', pin);
    return String((JSON.parse(shown) as { id: number }).id);
  });
}

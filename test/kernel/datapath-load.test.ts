import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { prepareBpffs } from '../../src/datapath/bpffs.js';
import { findClang } from '../../src/datapath/clang.js';
import { compile, runClang, type ObjectFile } from '../../src/datapath/compile.js';
import { configOf, probe } from '../../src/datapath/config.js';
import type { Folders } from '../../src/datapath/folders.js';
import { load, type Loaded } from '../../src/datapath/load.js';
import { writePrebuilt } from '../../src/datapath/prebuilt.js';
import { sourceFolder } from '../../src/datapath/sources.js';
import { mapTables } from '../../src/datapath/tables/index.js';
import { EncapError } from '../../src/errors.js';
import type { Settings } from '../../src/model/settings.js';
import type { Address } from '../../src/net/address.js';
import type { Cidr } from '../../src/net/cidr.js';
import type { Mac } from '../../src/net/mac.js';
import { defaults } from '../unit/decide/worlds.js';
import { obstacle } from '../support/network/network.js';

const compiler = findClang(process.env['PATH'] ?? '');
const cannot = obstacle() ?? (compiler.kind === 'missing' ? compiler.why : undefined);

const settings: Settings = { ...defaults, programClusterRoutes: 'Enabled' };

interface Scene extends Folders {
  readonly scratch: string;
  readonly load: (object: ObjectFile, needs?: Readonly<Record<string, number>>) => Loaded;
}

function loadTest(title: string, body: (t: ExecutionContext, scene: Scene) => void): void {
  test.serial(title, (t) => {
    if (cannot !== undefined) {
      t.log(`skipped: ${cannot}`);
      t.pass();
      return;
    }
    const scratch = mkdtempSync(join(tmpdir(), 'dp-load-'));
    const pins = join('/sys/fs/bpf', scratch.replace(/.*\//, ''));
    const folders = { pins, run: join(scratch, 'run') };
    t.teardown(() => {
      rmSync(pins, { recursive: true, force: true });
      rmSync(scratch, { recursive: true, force: true });
    });
    prepareBpffs(pins, (command) => t.log(command));
    body(t, {
      ...folders,
      scratch,
      load: (object, needs = {}) =>
        load({ object, config: configOf(settings, probe()), needs, folders }),
    });
  });
}

function ownObject(scene: Scene): ObjectFile {
  return compile({ cache: join(scene.scratch, 'cache') });
}

loadTest(
  'the kernel takes the shipped object, and one whose hash is wrong is not loaded',
  (t, scene) => {
    if (compiler.kind === 'missing') throw new Error('skipped above');
    const folder = join(scene.scratch, 'prebuilt');
    const bytes = runClang(compiler.file, sourceFolder, 'encapd');
    writePrebuilt(folder, sourceFolder, compiler.version, new Map([['encapd', bytes]]));
    const object = compile({ path: scene.scratch, prebuilt: folder });
    t.is(object.origin.kind, 'prebuilt');
    using loaded = scene.load(object);
    t.is(loaded.how, 'loaded');

    const spoiled = readFileSync(join(folder, 'encapd.bpf.o'));
    spoiled.writeUInt8(spoiled.readUInt8(5000) ^ 1, 5000);
    writeFileSync(join(folder, 'encapd.bpf.o'), spoiled);
    const error = t.throws(() => compile({ path: scene.scratch, prebuilt: folder }), {
      instanceOf: EncapError,
    });
    t.is(error.code, 'OBJECT_CORRUPT');
  },
);

loadTest('the same object and configuration are loaded once, then adopted', (t, scene) => {
  const object = ownObject(scene);
  using first = scene.load(object);
  using second = scene.load(object);
  t.deepEqual([first.how, second.how], ['loaded', 'adopted']);
  t.is(second.programs.egress.info.id, first.programs.egress.info.id);
});

loadTest(
  'F41 a rejection of the verifier shows the lines of our C, and where the whole log is',
  (t, scene) => {
    const folder = join(scene.scratch, 'bpf');
    cpSync(sourceFolder, folder, { recursive: true });
    const file = join(folder, 'programs.h');
    const source = readFileSync(file, 'utf8');
    const [, start = ''] = /(SEC\("tc"\)\s*int encapd_egress\([^)]*\)\s*\{)/.exec(source) ?? [];
    t.not(start, '');
    writeFileSync(
      file,
      source.replace(
        start,
        `${start}\n\tvoid *first = (void *)(long)skb->data;\n\tif (*(__u8 *)first == 77) return 7; /* without a look at data_end */\n`,
      ),
    );
    const object = compile({ compile: true, folder, cache: join(scene.scratch, 'cache') });
    const error = t.throws(() => scene.load(object), { instanceOf: EncapError });
    t.is(error.code, 'VERIFIER_REJECTED');
    t.is(error.message, 'cannot load encapd_egress: the verifier rejects it');
    t.regex(error.why ?? '', /if \(\*\(__u8 \*\)first == 77\)/);
    t.regex(error.why ?? '', /invalid access to packet/);
    const log = /the whole log: (\S+)/.exec(error.hint ?? '')?.[1] ?? '';
    t.true(log.startsWith(scene.run));
    t.regex(readFileSync(log, 'utf8'), /processed \d+ insns/);
  },
);

loadTest(
  'an object whose layouts are not ours is refused, with the field that differs',
  (t, scene) => {
    const folder = join(scene.scratch, 'bpf');
    cpSync(sourceFolder, folder, { recursive: true });
    const file = join(folder, 'abi.h');
    const swapped = readFileSync(file, 'utf8').replace(
      /(\t__u32 peer;[^\n]*\n)(\t__u32 policy;[^\n]*\n)/,
      '$2$1',
    );
    writeFileSync(file, swapped);
    const object = compile({ compile: true, folder, cache: join(scene.scratch, 'cache') });
    const error = t.throws(() => scene.load(object), { instanceOf: EncapError });
    t.is(error.code, 'ABI_MISMATCH');
    t.regex(error.message, /block\.peer/);
  },
);

loadTest('tables are made as large as they must be, and stay so', (t, scene) => {
  const object = ownObject(scene);
  using small = scene.load(object);
  using large = scene.load(object, { externals: 5000 });
  t.true(large.maps.externals.info.maxEntries >= 5000);
  t.not(large.generation.name, small.generation.name);
  using again = scene.load(object, { externals: 3000 });
  t.is(again.how, 'adopted');
  t.is(again.generation.name, large.generation.name);
});

loadTest('what is written to the tables is read back the same, IPv6 too', (t, scene) => {
  using loaded = scene.load(ownObject(scene));
  const tables = mapTables(loaded.maps);
  const peers = new Map([
    [
      0,
      {
        family: 'ipv4',
        underlay: '192.0.2.1' as Address,
        node: 0,
        vtepMac: '66:01:02:03:04:05' as Mac,
        sameSubnet: true,
        zeroChecksum: false,
      },
    ],
    [
      7,
      {
        family: 'ipv6',
        underlay: '2001:db8::7' as Address,
        node: 7,
        vtepMac: undefined,
        sameSubnet: false,
        zeroChecksum: true,
      },
    ],
  ] as const);
  tables.peers.put(peers);
  t.deepEqual(tables.peers.entries(), peers);
  const blocks = new Map([
    ['10.244.1.0/26' as Cidr, { peer: 7, policy: 3 }],
    ['10.244.1.9/32' as Cidr, { peer: 0, policy: 3 }],
    ['fd00:10:244::/122' as Cidr, { peer: 1, policy: 4 }],
  ]);
  tables.blocks.put(blocks);
  t.deepEqual([...tables.blocks.entries()].sort(), [...blocks].sort());
  const pools = new Map([
    ['10.244.0.0/16' as Cidr, { blockLengths: [32, 26] }],
    ['fd00:10:244::/48' as Cidr, { blockLengths: [122] }],
  ]);
  tables.pools.put(pools);
  t.deepEqual([...tables.pools.entries()].sort(), [...pools].sort());
  const policies = new Map([
    [
      3,
      {
        sameSubnet: 'none',
        otherSubnet: 'vxlan',
        accepted: ['ipip', 'vxlan'],
        underlay: 'ipv6',
      },
    ],
  ] as const);
  tables.policies.put(policies);
  t.deepEqual(tables.policies.entries(), policies);
  const sources = new Map([
    ['192.0.2.9' as Address, { peer: 7, accepted: ['vxlan'] }],
    ['2001:db8::9' as Address, { peer: 0xffffffff, accepted: [] }],
  ] as const);
  tables.sources.put(sources);
  t.deepEqual([...tables.sources.entries()].sort(), [...sources].sort());

  tables.peers.remove([7]);
  tables.blocks.remove(['10.244.1.9/32' as Cidr, 'fd00:10:244::/122' as Cidr]);
  t.deepEqual([...tables.peers.entries().keys()], [0]);
  t.deepEqual([...tables.blocks.entries().keys()], ['10.244.1.0/26' as Cidr]);
});

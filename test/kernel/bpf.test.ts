import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { networkTest } from '../support/network/network-test.js';
import { inside, type Network } from '../support/network/network.js';

interface ProgramList {
  readonly kernel: { readonly btf: boolean };
  readonly object: { readonly btfTypes: number; readonly relocations: number } | null;
  readonly items: readonly {
    readonly name: string;
    readonly id: number;
    readonly tag: string;
    readonly build: string;
    readonly instructions: number;
    readonly verifiedInstructions: number | null;
    readonly jitedBytes: number;
    readonly memlockBytes: number;
    readonly maps: readonly { readonly id: number; readonly name: string | null }[];
    readonly attached: readonly {
      readonly interface: string;
      readonly direction: string;
      readonly by: string;
    }[];
  }[];
}

/** What bpftool says of a pin, as far as it is compared. */
interface Shown {
  readonly id: number;
  readonly tag: string;
  readonly bytes_xlated: number;
  readonly bytes_jited: number;
  readonly bytes_memlock: number;
  readonly map_ids: readonly number[];
  readonly max_entries: number;
}

networkTest(
  'bpf info and map stats say what bpftool says, with the agent gone',
  async (t, network) => {
    await (await network.agent('a')).end('SIGTERM');
    const shown = (what: 'prog' | 'map', ...path: readonly string[]): Shown =>
      JSON.parse(
        inside(network.space('a'), 'bpftool', '-j', what, 'show', 'pinned', path.join('/')),
      ) as Shown;

    const list = json(network, 'map', 'list') as {
      items: readonly { name: string; id: number; pin: string }[];
    };
    const folder = (list.items[0]?.pin ?? '').replace(/\/maps\/\w+$/, '');
    const report = json(network, 'bpf', 'info') as ProgramList;
    t.deepEqual(report.items.map(({ name }) => name).sort(), [
      ...['encapd_backstop', 'encapd_cutter', 'encapd_egress', 'encapd_ingress'],
    ]);
    for (const item of report.items) {
      const there = shown('prog', folder, 'programs', item.build, item.name);
      t.deepEqual(
        [item.id, item.tag, item.instructions * 8, item.jitedBytes, item.memlockBytes],
        [there.id, there.tag, there.bytes_xlated, there.bytes_jited, there.bytes_memlock],
      );
      t.deepEqual(
        item.maps.map(({ id }) => id),
        there.map_ids,
      );
      for (const { id, name } of item.maps)
        t.is(name, list.items.find((one) => one.id === id)?.name ?? null);
    }
    const at = (name: string): unknown => report.items.find((one) => one.name === name)?.attached;
    t.like(at('encapd_ingress'), [{ interface: 'eth0', direction: 'ingress' }]);
    t.like(at('encapd_egress'), [{ interface: 'eth0', direction: 'egress' }]);
    t.true((report.object?.btfTypes ?? 0) > 100);

    const stats = json(network, 'map', 'stats') as {
      items: readonly { name: string; capacity: number; memlockBytes: number }[];
      total: { memlockBytes: number };
    };
    t.true(stats.items.length > 10);
    let sum = 0;
    for (const { name, capacity, memlockBytes } of stats.items) {
      const there = shown('map', folder, 'maps', name);
      t.deepEqual([capacity, memlockBytes], [there.max_entries, there.bytes_memlock], name);
      sum += there.bytes_memlock;
    }
    t.is(stats.total.memlockBytes, sum);
  },
  'bpftool',
);

networkTest(
  'bpf info finds filters of clsact too, and misses nothing but the object without a state file',
  async (t, network) => {
    await (await network.agent('a', 'clsact')).end('SIGTERM');
    const before = json(network, 'bpf', 'info') as ProgramList;
    const places = before.items.flatMap(({ name, attached }) =>
      attached.map((place) => ({ name, ...place })),
    );
    for (const direction of ['ingress', 'egress'])
      t.deepEqual(
        places.find(({ name }) => name === `encapd_${direction}`),
        { name: `encapd_${direction}`, interface: 'eth0', direction, by: 'clsact' },
      );
    rmSync(join(network.environment('a')['ENCAP_RUN_DIR'] ?? '', 'state.json'));
    const after = json(network, 'bpf', 'info') as ProgramList;
    t.is(after.object, null);
    t.deepEqual(
      after.items.map(({ id, attached }) => ({ id, attached })),
      before.items.map(({ id, attached }) => ({ id, attached })),
    );
    t.regex(network.encap('a', 'bpf', 'info'), /^object +not known/m);
  },
);

networkTest(
  'bpf verify-log has every instruction that the verifier followed, and loads nothing that stays',
  async (t, network) => {
    await (await network.agent('a')).end('SIGTERM');
    const report = json(network, 'bpf', 'info') as ProgramList;
    const before = json(network, 'map', 'list');
    const folder = mkdtempSync(join(tmpdir(), 'bp2-log-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'backstop.log');
    const words = ['bpf', 'verify-log', 'backstop', '--out', file];
    t.regex(network.encap('a', ...words), /^encapd_backstop was taken; its log: .*backstop\.log$/m);
    const log = readFileSync(file, 'utf8');
    const followed = Number(/^processed (\d+) insns/m.exec(log)?.[1]);
    const { verifiedInstructions } =
      report.items.find(({ name }) => name === 'encapd_backstop') ?? {};
    if (verifiedInstructions != null) t.is(followed, verifiedInstructions); // since 5.16
    // A line for each: as it was followed, or that the state before it was known to be safe.
    t.is(log.match(/^(\d+: \([0-9a-f]{2}\)|(from \d+ to )?\d+: safe$)/gm)?.length, followed);
    t.deepEqual(json(network, 'map', 'list'), before);
    t.deepEqual(
      (json(network, 'bpf', 'info') as ProgramList).items.map(({ id }) => id),
      report.items.map(({ id }) => id),
    );
  },
);

function json(network: Network, ...words: readonly string[]): unknown {
  return JSON.parse(network.encap('a', ...words, '-o', 'json'));
}

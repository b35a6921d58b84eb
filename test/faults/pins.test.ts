import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { stateFile } from '../../src/datapath/state.js';
import { foldersOf } from '../../src/datapath/folders.js';
import type { Network } from '../support/network/network.js';
import { faultTest } from './fault-test.js';
import { inWords, Load, lossOf, none } from './load.js';

/** What a spoiler has to work with. */
interface Place {
  readonly pins: string;
  /** Folder of the generation in force. */
  readonly generation: string;
  /** Folder of the programs in force. */
  readonly programs: string;
  readonly state: string;
}

function placeOf(network: Network): Place {
  const { pins, run } = foldersOf(network.environment('a'));
  const { generation } = network.status('a');
  const folder = join(pins, generation);
  const [build = ''] = readdirSync(join(folder, 'programs'));
  return {
    pins,
    generation: folder,
    programs: join(folder, 'programs', build),
    state: stateFile(run),
  };
}

/** Leaves behind what nobody wants to find. */
type Spoiler = (place: Place) => unknown;

/** A map of somebody else, pinned. */
function foreignMap(pin: string, type: string, key: number, value: number, entries: number): void {
  const shape = ['type', type, 'key', key, 'value', value, 'entries', entries, 'name', 'foreign'];
  execFileSync('bpftool', ['map', 'create', pin, ...shape.map(String)]);
}

function replacedMap(
  name: string,
  ...shape: [type: string, key: number, value: number, entries: number]
): Spoiler {
  return ({ generation }: Place): void => {
    const pin = join(generation, 'maps', name);
    rmSync(pin);
    foreignMap(pin, ...shape);
  };
}

function pinnedAs(from: (place: Place) => string, to: (place: Place) => string): Spoiler {
  return (place: Place): void => {
    const pin = to(place);
    const what = /programs/.test(from(place)) ? 'prog' : /links/.test(from(place)) ? 'link' : 'map';
    const shown = execFileSync('bpftool', ['-j', what, 'show', 'pinned', from(place)], {
      encoding: 'utf8',
    });
    const { id } = JSON.parse(shown) as { readonly id: number };
    rmSync(pin, { force: true });
    execFileSync('bpftool', [what, 'pin', 'id', String(id), pin]);
  };
}

function state(content: string | Uint8Array): Spoiler {
  return ({ state: file }: Place): void => writeFileSync(file, content);
}

function changedState(change: (state: Record<string, unknown>) => object): Spoiler {
  return ({ state: file }: Place): void =>
    writeFileSync(
      file,
      JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>)),
    );
}

/** What may be found where pins and state should be, from other versions, other programs, or a crash. */
const spoilers: Readonly<Record<string, Spoiler>> = {
  'a map of another type': replacedMap('blocks', 'array', 4, 8, 1024),
  'a map with another key': replacedMap('sources', 'hash', 4, 8, 1024),
  'a map with another value': replacedMap('peers', 'array', 4, 64, 1024),
  'a map of another size': replacedMap('policies', 'array', 4, 16, 3),
  'a map that is gone': ({ generation }) => rmSync(join(generation, 'maps/pools')),
  'all maps gone': ({ generation }) => rmSync(join(generation, 'maps'), { recursive: true }),
  'a map more': ({ generation }) => foreignMap(join(generation, 'maps/more'), 'hash', 4, 4, 8),
  'a program where a map should be': pinnedAs(
    ({ programs }) => join(programs, 'encapd_egress'),
    ({ generation }) => join(generation, 'maps/blocks'),
  ),
  'a map where a program should be': pinnedAs(
    ({ generation }) => join(generation, 'maps/pools'),
    ({ programs }) => join(programs, 'encapd_egress'),
  ),
  'another program in the place of one': pinnedAs(
    ({ programs }) => join(programs, 'encapd_ingress'),
    ({ programs }) => join(programs, 'encapd_egress'),
  ),
  'a map where a link should be': pinnedAs(
    ({ generation }) => join(generation, 'maps/pools'),
    ({ generation }) => join(generation, 'links/workload-77'),
  ),
  'a program that is gone': ({ programs }) => rmSync(join(programs, 'encapd_egress')),
  'all programs gone': ({ generation }) =>
    rmSync(join(generation, 'programs'), { recursive: true }),
  'half a build of a crash': ({ programs }) => {
    const build = join(programs, '../0123456789abcdef');
    mkdirSync(build);
    pinnedAs(
      () => join(programs, 'encapd_egress'),
      () => join(build, 'encapd_egress'),
    )({} as Place);
  },
  'an older generation': ({ pins }) => {
    mkdirSync(join(pins, '00000000deadbeef/maps'), { recursive: true });
    foreignMap(join(pins, '00000000deadbeef/maps/blocks'), 'hash', 24, 8, 1024);
  },
  'an older generation without anything': ({ pins }) => mkdirSync(join(pins, '00000000deadbee0')),
  'a folder of somebody else': ({ pins }) => {
    mkdirSync(join(pins, 'theirs'));
    foreignMap(join(pins, 'theirs/blocks'), 'hash', 4, 4, 8);
  },
  'a pin of somebody else': ({ pins }) => foreignMap(join(pins, 'alone'), 'hash', 4, 4, 8),
  'a state file that is empty': state(''),
  'a state file that ends early': ({ state: file }) =>
    truncateSync(file, readFileSync(file).length >> 1),
  'a state file of random bytes': state(Uint8Array.from({ length: 5000 }, (_, place) => place * 7)),
  'a state file that is no object': state('[]'),
  'a state file that is null': state('null'),
  'a state file of 100 MB': state(' '.repeat(1e8)),
  'a state file of another program': state('{"apiVersion":"v1","kind":"Pod"}'),
  'a state file of a newer version': changedState((now) => ({ ...now, apiVersion: 'encap/v2' })),
  'a state file of an older version, with half the fields': changedState(
    ({ apiVersion, kind }) => ({
      apiVersion,
      kind,
    }),
  ),
  'a state file with other types': changedState((now) => ({
    ...now,
    uplink: null,
    peers: 7,
    verdicts: [],
    madeClsact: 'yes',
  })),
  'a state file of another generation': changedState((now) => ({
    ...now,
    generation: '00000000deadbee1',
    build: '00000000deadbee2',
  })),
  'a folder where the state file should be': ({ state: file }) => {
    rmSync(file);
    mkdirSync(file);
  },
  'a link to nowhere where the state file should be': ({ state: file }) => {
    rmSync(file);
    symlinkSync('/nonexistent/state.json', file);
  },
};

const names = Object.keys(spoilers);

faultTest(
  {
    id: 'F06',
    title: `stale, foreign and damaged pins and state files of ${names.length} kinds: the next agent rebuilds what it can’t trust, and nothing is lost`,
    tools: ['bpftool'],
    limitMs: 600_000,
  },
  async (t, network) => {
    await network.agent('b');
    let agent = await network.agent('a');
    await using load = await Load.start(network);
    for (const [what, spoil] of Object.entries(spoilers)) {
      await agent.end('SIGKILL');
      spoil(placeOf(network));
      agent = await network.agent('a').catch((cause: unknown) => {
        throw new Error(what, { cause });
      });
      t.deepEqual(
        agent.lines.filter(({ msg, level }) => Number(level) >= 50 || msg === 'degraded'),
        [],
        what,
      );
      const { verdicts, programs } = network.status('a');
      t.true(verdicts.length > 0, what);
      t.true(
        programs.every(({ attachedTo }) => attachedTo !== undefined),
        what,
      );
      t.is(network.exitCode('a', 'status'), 0, what);
    }
    const sums = await load.stop();
    t.log(inWords(sums));
    t.deepEqual(lossOf(sums), none);
    const { pins } = placeOf(network);
    const there = readdirSync(pins);
    t.true(there.includes('theirs') && there.includes('alone'));
    t.true(there.some((name) => name.includes('-foreign-')));
  },
);

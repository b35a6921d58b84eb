import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { spareMemory } from '../../../src/agent/memory.js';
import { runAgent } from '../../../src/agent/run.js';
import { foldersOf } from '../../../src/datapath/folders.js';
import { EncapError } from '../../../src/errors.js';
import type { NodeName } from '../../../src/model/node.js';
import type { Reading } from '../../../src/sources/source.js';
import { fileSource } from '../../../src/sources/file/watch.js';
import type { Possessions } from './possessions.js';

/*
 * An agent that is given one world after the other as fast as it takes them, and looks now and then what it has:
 * node --expose-gc life.js ROUNDS FILE..., a world in each file. The last one needs other programs, which take long to
 * load: it comes once in each cycle. Prints an array of Possessions, one for each cycle.
 */
const [rounds = 0] = process.argv.slice(2, 3).map(Number);
const files = process.argv.slice(3);
const cycle = 40;
const folders = foldersOf(process.env);
spareMemory();

const readings = await Promise.all(files.map(readingOf));
const seen: Possessions[] = [];
const ended = new AbortController();
let changed = (): void => undefined;

await runAgent({
  source: { name: 'changing worlds', inventories: worlds },
  node: 'node-a' as NodeName,
  interface: undefined,
  attach: 'auto',
  once: false,
  dryRun: false,
  folders,
  log: pino({ level: 'info' }, { write: said }),
  signal: ended.signal,
  timing: { settle: 0, rest: 0, delay: 0 },
});
process.stdout.write(`${JSON.stringify(seen)}\n`);

function said(line: string): void {
  if (line.includes('"msg":"tables changed"')) changed();
  else if (!line.startsWith('{"level":30')) process.stderr.write(line);
}

async function* worlds(): AsyncGenerator<Reading> {
  for (let round = 0; round <= rounds; round += 1) {
    const isLast = round % cycle === cycle - 1;
    const reading = isLast ? readings.at(-1) : readings[(round % cycle) % (readings.length - 1)];
    if (reading === undefined) throw new EncapError('no world', { code: 'USAGE' });
    const done = new Promise<void>((resolve) => (changed = resolve));
    yield reading;
    // Where two came together there may be nothing to change.
    await Promise.race([done, sleep(1000, undefined, { ref: false })]);
    if (round % cycle === 0) seen.push(possessions(round));
  }
  ended.abort();
}

/** What a file says, as its source reads it. */
async function readingOf(file: string): Promise<Reading> {
  const once = new AbortController();
  for await (const reading of fileSource({ paths: [file] }).inventories(once.signal)) {
    once.abort();
    return { ...reading, changed: undefined };
  }
  throw new EncapError(`nothing in ${file}`, { code: 'USAGE' });
}

function possessions(round: number): Possessions {
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const fds = readdirSync('/proc/self/fd');
  const kinds = fds.map(kindOf);
  const count = (kind: string): number => kinds.filter((one) => one === kind).length;
  return {
    round,
    rss,
    heap: heapUsed + external,
    fds: fds.length,
    maps: count('map'),
    programs: count('prog'),
    links: count('link'),
    netlink: netlinkSockets(fds),
    pins: readdirSync(folders.pins, { recursive: true }).length,
  };
}

/** Of a BPF object, by what the kernel says of it. */
function kindOf(fd: string): string {
  try {
    return /^(map|prog|link)_id:/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  } catch {
    return ''; // that of the listing itself
  }
}

function netlinkSockets(fds: readonly string[]): number {
  const table = readFileSync('/proc/self/net/netlink', 'utf8').split('\n');
  const inodes = new Set(table.map((line) => line.trim().split(/\s+/).at(-1)));
  return fds.filter((fd) => {
    try {
      return inodes.has(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]);
    } catch {
      return false; // that of the listing itself
    }
  }).length;
}

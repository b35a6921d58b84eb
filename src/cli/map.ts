import { Argument, type Command } from 'commander';
import type { MapName } from '../datapath/maps.js';
import { EncapError } from '../errors.js';
import { examplesOf } from './examples.js';
import type { Dump } from './map-dump.js';
import { print } from './output.js';
import { pinnedDatapath } from './pinned.js';
import { type Session, sessionOf } from './session.js';
import { didYouMean } from './suggest.js';
import { table } from './table.js';

/** `encap map`: the kernel's tables in the field's words; needs the pins, not the agent. */
export function define(command: Command): void {
  command.helpCommand(false);
  examplesOf(command, [
    ['sudo encap map list', 'which tables there are, and how full'],
    ['sudo encap map dump blocks', 'which address goes where, and how'],
    ['sudo encap map lookup blocks 10.244.3.9', 'the block that holds an address'],
    ['sudo encap map stats', 'how full they are, and the memory that they take'],
  ]);
  list(command);
  dump(command);
  lookup(command);
  stats(command);
}

function list(parent: Command): void {
  const summary = 'the tables, their sizes and how full they are';
  const command = parent.command('list').summary(summary).description(summary);
  examplesOf(command, [
    ['sudo encap map list', 'entries and room'],
    ['sudo encap map list -o name', 'for a script'],
  ]).action(async () => {
    const session = sessionOf(command);
    const { generation } = await pinnedDatapath(session.env);
    const { listMaps } = await import('./map-dump.js');
    const items = listMaps(generation);
    await print(session, {
      document: { apiVersion: 'encap/v1', kind: 'MapList', items },
      names: () => items.map(({ name }) => name),
      text: () =>
        table(
          session,
          [
            { title: 'NAME', of: ({ name }) => name },
            { title: 'TYPE', of: ({ type }) => type },
            { title: 'ENTRIES', of: ({ entries }) => entries },
            { title: 'ROOM', of: ({ maxEntries }) => maxEntries },
            { title: 'ID', of: ({ id }) => id },
            { title: 'KEY', of: ({ keySize }) => keySize, wide: true },
            { title: 'VALUE', of: ({ valueSize }) => valueSize, wide: true },
            { title: 'PIN', of: ({ pin }) => pin, wide: true },
          ],
          items,
        ),
    });
  });
}

function dump(parent: Command): void {
  const summary = 'the entries of a table, decoded';
  const command = parent
    .command('dump')
    .summary(summary)
    .description(summary)
    .addArgument(new Argument('<name>', 'as in `encap map list`'));
  examplesOf(command, [
    ['sudo encap map dump blocks', 'block, node, how, next hop'],
    ['sudo encap map dump verdicts', 'why packets left, counted'],
    ['sudo encap map dump peers -o json', 'for a script'],
  ]).action(async (word: string) => {
    const session = sessionOf(command);
    const { name, items, columns } = await readMap(session, 'dump', word);
    await print(session, {
      document: { apiVersion: 'encap/v1', kind: 'MapDump', map: name, items },
      names: () => items.map((item) => Object.values(item)[0] ?? '').map(String),
      text: () => table(session, columnsOf(columns), items),
    });
  });
}

function lookup(parent: Command): void {
  const summary = 'the entries that an address, a CIDR, a name or an index stands for';
  const command = parent
    .command('lookup')
    .summary(summary)
    .description(summary)
    .addArgument(new Argument('<name>', 'as in `encap map list`'))
    .addArgument(new Argument('<key>', 'as `encap map dump` prints it; or an address in a prefix'));
  examplesOf(command, [
    ['sudo encap map lookup blocks 10.244.3.9', 'the longest block that holds it'],
    ['sudo encap map lookup blocks 10.244.3.0/26', 'this very block'],
    ['sudo encap map lookup blocks node-c', 'all blocks of a node'],
    ['sudo encap map lookup peers 192.168.20.11', 'who has this underlay address'],
    ['sudo encap map lookup path_mtus node-c -o json', 'for a script'],
  ]).action(async (word: string, key: string) => {
    const session = sessionOf(command);
    const [{ name, columns, ...all }, { entriesAt }] = await Promise.all([
      readMap(session, 'look up', word),
      import('./map-key.js'),
    ]);
    const items = await entriesAt(name, all.items, key);
    await print(session, {
      document: { apiVersion: 'encap/v1', kind: 'MapLookup', map: name, key, items },
      names: () => items.map((item) => Object.values(item)[0] ?? '').map(String),
      text: () => table(session, columnsOf(columns), items),
    });
  });
}

function stats(parent: Command): void {
  const summary = 'how full the tables are, and the memory that they take';
  const command = parent.command('stats').summary(summary).description(summary);
  examplesOf(command, [
    ['sudo encap map stats', 'entries, capacity, fill, bytes'],
    ['sudo encap map stats -o json', 'for a script: fill is 0 to 1'],
  ]).action(async () => {
    const session = sessionOf(command);
    const { generation } = await pinnedDatapath(session.env);
    const { listMaps, statsOf } = await import('./map-dump.js');
    const items = statsOf(listMaps(generation));
    const memlockBytes = items.reduce((sum, one) => sum + (one.memlockBytes ?? 0), 0);
    await print(session, {
      document: { apiVersion: 'encap/v1', kind: 'MapStats', items, total: { memlockBytes } },
      names: () => items.map(({ name }) => name),
      text: () => {
        const rows = table(
          session,
          [
            { title: 'NAME', of: ({ name }) => name },
            { title: 'TYPE', of: ({ type }) => type },
            { title: 'ENTRIES', of: ({ entries }) => entries ?? undefined },
            { title: 'CAPACITY', of: ({ capacity }) => capacity },
            { title: 'FILL', of: ({ fill }) => (fill === null ? undefined : percent(fill)) },
            { title: 'BYTES', of: (one) => one.memlockBytes ?? undefined },
          ],
          items,
        );
        return `${rows}\n${memlockBytes} bytes of kernel memory in ${items.length} maps`;
      },
    });
  });
}

/** One entry of many thousands is not none. */
function percent(fill: number): string {
  const percents = fill * 100;
  return percents > 0 && percents < 0.1 ? '<0.1%' : `${Number(percents.toFixed(1))}%`;
}

/** A map by its name, decoded. */
async function readMap(
  session: Session,
  verb: string,
  word: string,
): Promise<Dump & { readonly name: MapName }> {
  const { folders, generation } = await pinnedDatapath(session.env);
  const [{ dumpMap }, { mapNames }, { readState }] = await Promise.all([
    import('./map-dump.js'),
    import('../datapath/maps.js'),
    import('../datapath/state.js'),
  ]);
  const name = mapNames.find((one): one is MapName => one === word);
  if (name === undefined) {
    throw new EncapError(`cannot ${verb} ${word}: there is no such map`, {
      code: 'USAGE',
      hint: await didYouMean(word, mapNames, 'encap map list'),
    });
  }
  return { name, ...dumpMap(name, generation, readState(folders.run)) };
}

/** A dump's items are flat: a column for each member, under its name. */
function columnsOf(members: Dump['columns']) {
  return members.map((member) => ({
    title: member.replace(/[A-Z]/g, (letter) => ` ${letter}`).toUpperCase(),
    of: (item: Dump['items'][number]) => {
      const value = item[member];
      return value === null || value === '' ? undefined : value;
    },
  }));
}

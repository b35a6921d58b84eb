import { Argument, type Command } from 'commander';
import type { MapName } from '../datapath/maps.js';
import { EncapError } from '../errors.js';
import { examplesOf } from './examples.js';
import type { Dump } from './map-dump.js';
import { print } from './output.js';
import { pinnedDatapath } from './pinned.js';
import { sessionOf } from './session.js';
import { didYouMean } from './suggest.js';
import { table } from './table.js';

/** `encap map`: the kernel's tables in the field's words; needs the pins, not the agent. */
export function define(command: Command): void {
  command.helpCommand(false);
  examplesOf(command, [
    ['sudo encap map list', 'which tables there are, and how full'],
    ['sudo encap map dump blocks', 'which address goes where, and how'],
  ]);
  list(command);
  dump(command);
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
    const { folders, generation } = await pinnedDatapath(session.env);
    const [{ dumpMap }, { mapNames }, { readState }] = await Promise.all([
      import('./map-dump.js'),
      import('../datapath/maps.js'),
      import('../datapath/state.js'),
    ]);
    const name = mapNames.find((one): one is MapName => one === word);
    if (name === undefined) {
      throw new EncapError(`cannot dump ${word}: there is no such map`, {
        code: 'USAGE',
        hint: await didYouMean(word, mapNames, 'encap map list'),
      });
    }
    const { items, columns } = dumpMap(name, generation, readState(folders.run));
    await print(session, {
      document: { apiVersion: 'encap/v1', kind: 'MapDump', map: name, items },
      names: () => items.map((item) => Object.values(item)[0] ?? '').map(String),
      text: () => table(session, columnsOf(columns), items),
    });
  });
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

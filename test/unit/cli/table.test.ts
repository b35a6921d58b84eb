import test from 'ava';
import { type Column, table } from '../../../src/cli/table.js';
import { paintFor } from '../../../src/cli/paint.js';
import { sessionLike } from './session.js';

interface Pool {
  readonly name: string;
  readonly cidr?: string;
}

const columns: readonly Column<Pool>[] = [
  { title: 'NAME', of: ({ name }) => name },
  { title: 'CIDR', of: ({ cidr }) => cidr },
  { title: 'LENGTH', of: ({ name }) => name.length, wide: true },
];
const pools = [{ name: 'default-ipv4-ippool', cidr: '10.244.0.0/16' }, { name: 'b' }];
const red = paintFor({}, {}, 'always').red;

const draws = test.macro({
  exec(t, changes: Parameters<typeof sessionLike>[0], rows: readonly Pool[], expected: string) {
    t.is(table(sessionLike(changes), columns, rows), expected);
  },
  title: (sentence = '') => sentence,
});

test(
  'columns are three spaces apart, lines end without spaces, what is unknown is a dash',
  draws,
  {},
  pools,
  `NAME                  CIDR
default-ipv4-ippool   10.244.0.0/16
b                     -`,
);
test(
  '-o wide shows the columns that are for it',
  draws,
  { format: 'wide' },
  pools,
  `NAME                  CIDR            LENGTH
default-ipv4-ippool   10.244.0.0/16   19
b                     -               1`,
);
test(
  '--no-headers leaves the first line out',
  draws,
  { headers: false },
  pools,
  `default-ipv4-ippool   10.244.0.0/16
b                     -`,
);
test('a table without rows has its headings only', draws, {}, [], 'NAME   CIDR');
test('a table without rows and headings is empty', draws, { headers: false }, [], '');
test(
  'a narrow terminal cuts the widest column first',
  draws,
  { columns: 25 },
  pools,
  `NAME          CIDR
default-ip…   10.244.0.0…
b             -`,
);
test(
  'a terminal that is wide enough cuts nothing',
  draws,
  { columns: 35 },
  pools,
  `NAME                  CIDR
default-ipv4-ippool   10.244.0.0/16
b                     -`,
);
test(
  'colours take no room',
  draws,
  {},
  [{ name: red('x'), cidr: '1' }],
  `NAME   CIDR\n${red('x')}      1`,
);

test('a table is never wider than the terminal while its columns have six characters', (t) => {
  for (let width = 15; width < 60; width++)
    for (const line of table(sessionLike({ columns: width }), columns, pools).split('\n'))
      t.true(line.length <= width);
});

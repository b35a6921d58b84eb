import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { repetitions } from '../support/repetitions.js';
import { root } from '../support/object.js';

interface Row {
  readonly id: string;
  /** Files of tests, from the root of the repository. */
  readonly files: readonly string[];
  readonly ci: string;
  readonly soak: string;
  readonly missing: string;
}

const rows = readFileSync(join(root, 'docs/faults.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| [FP]\d+ /.test(line))
  .map((line): Row => {
    const [id = '', , , shownBy = '', ci = '', soak = '', missing = ''] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim());
    const files = [...shownBy.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, file = '']) => file);
    return { id, files, ci, soak, missing };
  });

const ids = Array.from({ length: 50 }, (_, place) => `F${String(place + 1).padStart(2, '0')}`);

test('each fault has one row', (t) => {
  t.deepEqual(
    rows.map(({ id }) => id).filter((id) => id.startsWith('F')),
    ids,
  );
});

for (const { id, files, missing } of rows)
  test(`${id} is shown by a test that says so, or its row says why not`, (t) => {
    if (files.length === 0) t.true(missing.length > 0);
    for (const file of files) {
      t.true(existsSync(join(root, file)), file);
      const text = readFileSync(join(root, file), 'utf8');
      const isTitled = text.includes(`id: '${id}'`) || new RegExp(`['"\`]${id} \\S`).test(text);
      t.true(isTitled, `no title in ${file} begins with ${id}`);
    }
  });

test('what is repeated is repeated as often as its row says', (t) => {
  for (const [id, { ci, soak }] of Object.entries(repetitions)) {
    const row = rows.find((one) => one.id === id);
    t.deepEqual([row?.ci, row?.soak], [String(ci), String(soak)], id);
  }
});

import test from 'ava';
import { render, type View } from '../../../src/cli/output.js';
import type { Format } from '../../../src/cli/session.js';
import { EncapError } from '../../../src/errors.js';
import { sessionLike } from './session.js';

const view: View = {
  document: { kind: 'PoolList', items: [{ name: 'a', via: undefined }, { name: 'b' }] },
  text: () => 'NAME\na\nb',
  names: () => ['a', 'b'],
};

const prints = test.macro({
  async exec(t, format: Format, expected: string) {
    t.is(await render(sessionLike({ format }), view), expected);
  },
  title: (_, format: Format) => `one answer as ${format}`,
});

test(prints, 'table', 'NAME\na\nb');
test(prints, 'name', 'a\nb\n');
test(prints, 'yaml', 'kind: PoolList\nitems:\n  - name: a\n  - name: b\n');
test(
  prints,
  'json',
  `${JSON.stringify({ kind: 'PoolList', items: [{ name: 'a' }, { name: 'b' }] }, null, 2)}\n`,
);

test('-o name of an answer without named things is wrong usage', async (t) => {
  const error = await t.throwsAsync(
    render(sessionLike({ format: 'name' }), { document: {}, text: () => '' }),
    { instanceOf: EncapError },
  );
  t.is(error.code, 'USAGE');
});

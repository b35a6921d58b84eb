import test from 'ava';
import { pino } from 'pino';
import { Notebook } from '../../../src/agent/notebook.js';
import { foldersOf } from '../../../src/datapath/folders.js';

test('what keeps a source from following the world is logged once, and once that it is over', (t) => {
  const lines: { readonly msg: string; readonly fault?: string; readonly lastedMs?: number }[] = [];
  const write = (line: string): unknown => lines.push(JSON.parse(line) as (typeof lines)[number]);
  const notebook = new Notebook(pino({}, { write }), foldersOf({}), { node: 'a', source: 's' });
  const fault = { short: 'lost', message: 'etcd does not answer', hint: 'wait' };
  for (const faults of [[], [fault], [{ ...fault }], []]) notebook.sourced(faults);
  t.deepEqual(
    lines.map(({ msg, fault: what }) => `${msg}: ${String(what)}`),
    ['degraded: etcd does not answer', 'no longer degraded: etcd does not answer'],
  );
  t.true((lines[1]?.lastedMs ?? -1) >= 0);
});

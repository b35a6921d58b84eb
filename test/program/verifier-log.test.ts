import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { compile } from '../../src/datapath/compile.js';
import { configOf, noProbes } from '../../src/datapath/config.js';
import { verifierLogOf } from '../../src/datapath/verifier-log.js';
import { inventoryOf } from '../../src/model/assemble.js';
import { root, whyNoCompiler } from '../support/object.js';

const nothing = { files: [], documents: [], problems: [] };
const config = configOf(inventoryOf(nothing).inventory.settings, noProbes);

test('a program that the verifier rejects has its whole log too, and the others are not looked at', (t) => {
  const missing = whyNoCompiler();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'bp2-rejected-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  cpSync(join(root, 'bpf'), folder, { recursive: true });
  const file = join(folder, 'programs.h');
  const sources = readFileSync(file, 'utf8');
  // A number is no pointer.
  const broken = sources.replace(
    'return leave(skb, EGRESS, DROP_NO_PROGRAM',
    'skb->mark = *(__u32 *)(long)skb->len;\n\t$&',
  );
  t.not(broken, sources);
  writeFileSync(file, broken);
  const object = compile({ folder, compile: true, cache: join(folder, 'cache') });

  const rejected = verifierLogOf('backstop', { object, config });
  t.false(rejected.isTaken);
  t.regex(rejected.text, /R\d invalid mem access '(scalar|inv)'/);
  t.regex(rejected.text, /^\d+: \([0-9a-f]{2}\)/m, 'with the way there');
  const cutter = verifierLogOf('cutter', { object, config });
  t.true(cutter.isTaken);
  t.regex(cutter.text, /^processed \d+ insns/m);
});

test('a program that the object does not have is said so', (t) => {
  const missing = whyNoCompiler();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const object = compile({ program: 'encapd' });
  t.throws(() => verifierLogOf('workload', { object, config }), {
    message: /^cannot verify encapd_workload: it is not in /,
  });
});

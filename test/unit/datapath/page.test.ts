import { readFileSync } from 'node:fs';
import test from 'ava';
import { open } from 'libbpf-ts';
import { configOf, noProbes } from '../../../src/datapath/config.js';
import {
  addressAlias,
  blackholePriority,
  guardPriority,
  addressMetric,
  nobody,
  nobodyMac,
  routeProtocol,
} from '../../../src/datapath/nexthop.js';
import { verdictNames, wordOf } from '../../../src/datapath/traffic.js';
import { findClang } from '../../../src/datapath/clang.js';
import { datapathObject } from '../../support/object.js';
import { worldOf } from '../model/written.js';

const page = readFileSync(new URL('../../../../docs/datapath.md', import.meta.url), 'utf8');
const rows = [
  ...(page.split('## Verdicts')[1] ?? '').matchAll(/^\| (\w+) +\| (.+?) +\| (.+?) +\|$/gm),
]
  .map(([, name = '', meaning = '', advice = '']) => ({ name, meaning, advice }))
  .filter(({ name }) => name !== 'verdict');

test('docs/datapath.md has one line for each verdict of the programs, in their order, and no other', (t) => {
  const clang = findClang(process.env['PATH'] ?? '');
  if (clang.kind === 'missing') {
    t.log(`skipped: ${clang.why}`);
    t.pass();
    return;
  }
  using object = open(readFileSync(datapathObject()), { name: 'page' });
  const names = Object.values(
    verdictNames(object.btf.enum('verdict') ?? new Map<string, number>()),
  );
  t.deepEqual(
    rows.map(({ name }) => name),
    names.filter((name) => name !== 'UNDECIDED' && name !== 'VERDICT_COUNT').map(wordOf),
  );
});

test('each line says what the verdict means and what to do about it', (t) => {
  for (const { name, meaning, advice } of rows)
    t.true(meaning.length > 10 && advice.length >= 'nothing'.length, name);
});

const names = test.macro({
  exec: (t, _: string, value: string) => t.true(page.includes(`\`${value}\``), value),
  title: (_, what: string) => `docs/datapath.md has the ${what} that is used`,
});

const { ownMark } = configOf(worldOf([]).inventory.settings, noProbes);

test(names, 'mark', `0x${ownMark.toString(16)}`);
test(names, 'next hop', nobody.ipv4);
test(names, 'next hop of IPv6', nobody.ipv6);
test(names, 'metric of tunnel addresses', String(addressMetric));
test(names, "next hop's MAC", nobodyMac);
test(names, 'route protocol', String(routeProtocol));
test(names, 'metric of the guards', String(guardPriority));
test(names, 'metric of the blackholes', String(blackholePriority));
test(names, 'label of addresses', `UPLINK${addressAlias}`);

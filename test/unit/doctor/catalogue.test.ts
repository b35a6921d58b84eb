import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { catalogue, finding, type FindingId } from '../../../src/doctor/finding.js';
import { root } from '../../support/object.js';

const page = readFileSync(join(root, 'docs/doctor.md'), 'utf8');
const sections = page.split(/^## /m).slice(1);
const ids = Object.keys(catalogue) as FindingId[];

test('docs/doctor.md has a section for each finding, in the order of the catalogue, and no other', (t) => {
  t.deepEqual(
    sections.map((section) => section.split('\n')[0]),
    ids,
  );
});

for (const [place, id] of ids.entries())
  test(`docs/doctor.md gives ${id} its severity first, then what to do`, (t) => {
    const text = sections[place]?.split('\n').slice(2).join(' ').trim() ?? '';
    t.true(text.startsWith(catalogue[id][0]), text);
    t.true(text.length > 60, text);
  });

test('every finding of the catalogue is made somewhere', (t) => {
  const folder = join(root, 'src/doctor');
  const text = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  t.deepEqual(
    ids.filter((id) => !text.includes(`finding('${id}'`)),
    [],
  );
});

test('every finding of the catalogue is found by a test', (t) => {
  const folder = join(root, 'test');
  const text = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /doctor.*\.test\.ts$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  const lists = [...text.matchAll(/finds: \[([^\]]*)\]/g)].map(([, list = '']) => list).join();
  t.deepEqual(
    ids.filter((id) => !lists.includes(`'${id}'`)),
    [],
  );
});

test('a finding has the severity and the reason of the catalogue, unless it says another severity', (t) => {
  const said = { seen: 'x', cure: 'y' };
  t.like(finding('stranger', said), { severity: 'warn', why: catalogue.stranger[1] });
  t.is(finding('stranger', { ...said, severity: 'note' }).severity, 'note');
});

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { encapsulations } from '../../../src/encap/index.js';
import { root } from '../../support/object.js';
import { frameCalled, headersOf, pictures } from '../../support/pictures.js';

const folder = join(root, 'docs/pictures');

test('the pictures of the docs are those that the tools draw now (npm run docs:pictures)', async (t) => {
  const drawn = await pictures();
  t.deepEqual(readdirSync(folder).sort(), [...drawn.keys()].sort());
  for (const [name, svg] of drawn) t.is(readFileSync(join(folder, name), 'utf8'), svg, name);
});

test('a page of the docs shows each of them', (t) => {
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  const text = pages.map((name) => readFileSync(join(root, 'docs', name), 'utf8')).join('');
  for (const name of readdirSync(folder)) t.true(text.includes(`](pictures/${name})`), name);
});

for (const [name, title] of [
  ['vxlan', 'VXLAN to a peer in the same subnet: a TCP SYN'],
  ['ipip', 'IPIP to a peer in the same subnet: a TCP SYN'],
] as const)
  test(`the outer headers in the picture of ${name} are as long as its overhead, and the frame as long as all`, (t) => {
    const { inner, outer } = frameCalled(title);
    const added = encapsulations[name].overheadBytes.ipv4;
    const headers = headersOf(outer, added);
    const sum = (list: readonly { readonly bytes: number }[]): number =>
      list.reduce((total, { bytes }) => total + bytes, 0);
    t.is(sum(headers.filter(({ isOuter }) => isOuter)), added);
    t.is(sum(headers), outer.length / 2);
    t.is(outer.length / 2 - inner.length / 2, added);
  });

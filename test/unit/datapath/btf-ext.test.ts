import { readFileSync } from 'node:fs';
import test from 'ava';
import { relocationsIn } from '../../../src/datapath/btf-ext.js';
import { compile } from '../../../src/datapath/compile.js';

test('the object without shortcuts asks for nothing of the kernel’s BTF', (t) => {
  t.is(relocationsIn(compile({ program: 'encapd' }).bytes), 0);
});

test('the one with shortcuts asks where struct nf_conn has three members', (t) => {
  // timeout, status, proto.tcp.state: each where flow.h reads it, once at least
  const count = relocationsIn(compile({ program: 'encapd_fast' }).bytes);
  t.true(count >= 3 && count <= 30, String(count));
});

test('a file without BTF has none', (t) => {
  t.is(relocationsIn(readFileSync('/bin/true')), 0);
});

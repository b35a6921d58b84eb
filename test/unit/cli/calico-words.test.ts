import test from 'ava';
import { inOurWords } from '../../../src/cli/calico-words.js';

const nowMs = Date.parse('2026-11-29T03:15:00.123Z');

const becomes = test.macro({
  exec(t, typed: string, ours: string) {
    t.is(inOurWords(typed.split(' '), nowMs).join(' '), ours);
  },
  title: (_, typed: string, ours: string) => `${typed} is ${typed === ours ? 'as it is' : ours}`,
});

test(becomes, 'ipp -o wide', 'get pools -o wide');
test(becomes, 'pool -f x.yaml', 'get pools -f x.yaml');
test(becomes, 'ipam show', 'get blocks');
test(becomes, 'node status --brief', 'status --brief');
test(becomes, 'node checksystem', 'doctor');
test(becomes, '-o json node checksystem --probe', '-o json doctor --probe');
test(becomes, '-q node diags', '-q doctor --bundle encap-diags-20261129T031500Z.tgz');
test(becomes, 'get pool', 'get pool');
test(becomes, 'explain pool', 'explain pool');
test(becomes, 'node run', 'node run');
test(becomes, '-q', '-q');

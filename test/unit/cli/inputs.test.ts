import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import test from 'ava';
import { nodeNameOf, pathsOf } from '../../../src/cli/inputs.js';
import { EncapError } from '../../../src/errors.js';

const isNode = test.macro({
  exec(t, option: string | undefined, env: NodeJS.ProcessEnv, expected: string) {
    t.is(String(nodeNameOf(option, env)), expected);
  },
  title: (sentence = '') => sentence,
});

test('--node names the node', isNode, 'a', { ENCAP_NODE: 'b', NODENAME: 'c' }, 'a');
test('ENCAP_NODE wins over NODENAME', isNode, undefined, { ENCAP_NODE: 'b', NODENAME: 'c' }, 'b');
test(
  'NODENAME wins over FELIX_FELIXHOSTNAME',
  isNode,
  undefined,
  { NODENAME: 'c', FELIX_FELIXHOSTNAME: 'd' },
  'c',
);
test(
  'FELIX_FELIXHOSTNAME wins over the host name',
  isNode,
  undefined,
  { FELIX_FELIXHOSTNAME: 'd' },
  'd',
);
test(
  'an empty variable names nothing',
  isNode,
  undefined,
  { NODENAME: '', FELIX_FELIXHOSTNAME: 'd' },
  'd',
);
test(
  'without a name the node is the host, in lower case as Calico has it',
  isNode,
  undefined,
  {},
  hostname().trim().toLowerCase(),
);

test('-f wins over ENCAP_CONFIG', (t) => {
  t.deepEqual(pathsOf(['a', 'b'], { ENCAP_CONFIG: 'c' }), ['a', 'b']);
});

test('ENCAP_CONFIG may name several paths', (t) => {
  t.deepEqual(pathsOf([], { ENCAP_CONFIG: 'a:b' }), ['a', 'b']);
});

test('with nothing named and no usual folder the user is told how to name one', (t) => {
  if (existsSync('/etc/encap/cluster.d')) {
    t.log('skipped: this machine has /etc/encap/cluster.d');
    t.pass();
    return;
  }
  const error = t.throws(() => pathsOf([], {}), { instanceOf: EncapError });
  t.is(error.code, 'USAGE');
  t.regex(error.hint ?? '', /-f PATH/);
});

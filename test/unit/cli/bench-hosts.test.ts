import test from 'ava';
import type { RunOptions } from '../../../src/cli/bench.js';
import { hostsOf } from '../../../src/cli/bench-hosts.js';

const two: RunOptions = { ssh: ['root@a', 'b'], path: ['underlay=192.0.2.1,192.0.2.2'] };

test('without --ssh there are no machines', (t) => {
  t.is(hostsOf({ variants: ['direct'] }), undefined);
});

test('two machines, and paths between addresses of theirs in the order given', (t) => {
  const path = ['underlay=192.0.2.1,192.0.2.2', 'overlay-6=2001:DB8:0::1,2001:db8::2'];
  t.deepEqual(hostsOf({ ...two, path, sshConfig: 'f' }) as object, {
    targets: ['root@a', 'b'],
    configFile: 'f',
    paths: [
      { name: 'underlay', client: '192.0.2.1', server: '192.0.2.2' },
      { name: 'overlay-6', client: '2001:db8::1', server: '2001:db8::2' },
    ],
  });
});

const refuses = test.macro({
  title: (_, options: RunOptions) => `wrong: ${JSON.stringify(options)}`,
  exec(t, options: RunOptions, message: RegExp) {
    t.throws(() => hostsOf(options), { message, code: 'USAGE' });
  },
});

test(refuses, { path: ['a=192.0.2.1,192.0.2.2'] }, /--path goes with --ssh/);
test(refuses, { sshConfig: 'f' }, /--ssh-config goes with --ssh/);
test(refuses, { ...two, variants: ['direct'] }, /--variants, --underlays and --rules/);
test(refuses, { ...two, underlays: ['wire'] }, /--variants, --underlays and --rules/);
test(refuses, { ...two, rules: 'calico' }, /--variants, --underlays and --rules/);
for (const ssh of [[], ['a'], ['a', 'a'], ['a', 'b', 'c']])
  test(refuses, { ...two, ssh }, /--ssh wants two machines/);
test(refuses, { ssh: ['a', 'b'] }, /--ssh wants a --path/);
for (const path of [
  '192.0.2.1,192.0.2.2',
  'x=192.0.2.1',
  'x=192.0.2.1,192.0.2.2,192.0.2.3',
  'x y=1,2',
])
  test(refuses, { ...two, path: [path] }, /is not NAME=ADDRESS,ADDRESS/);
test(refuses, { ...two, path: ['x=192.0.2.1,2001:db8::2'] }, /two families/);
test(refuses, { ...two, path: ['x=192.0.2.1,192.0.2.2', 'x=192.0.2.3,192.0.2.4'] }, /two paths x/);

test('wrong: a path of what are no addresses', (t) => {
  t.throws(() => hostsOf({ ...two, path: ['x=10.1,node-b'] }), {
    message: /cannot read address "10\.1"/,
  });
});

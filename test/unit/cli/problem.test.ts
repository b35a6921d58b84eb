import test from 'ava';
import { problemText } from '../../../src/cli/validate.js';
import type { Problem } from '../../../src/model/problem.js';
import { sessionLike } from './session.js';

const problem: Problem = {
  severity: 'error',
  file: 'pools.yaml',
  line: 7,
  column: 14,
  path: 'spec.vxlanMode',
  message: '"Crosssubnet" is not a mode',
  excerpt: { text: '  vxlanMode: Crosssubnet', length: 11 },
};

const shows = test.macro({
  exec(t, changes: Partial<Problem>, expected: string) {
    t.is(problemText(sessionLike(), { ...problem, ...changes }), expected);
  },
  title: (sentence = '') => sentence,
});

test(
  'a problem is shown with its line and what in it is meant',
  shows,
  {},
  `pools.yaml:7:14  error  spec.vxlanMode: "Crosssubnet" is not a mode
    7 |   vxlanMode: Crosssubnet
      |              ^^^^^^^^^^^`,
);
test(
  'a problem of a whole document has no field',
  shows,
  { path: '', column: 1, excerpt: { text: 'kind: Foo', length: 1 } },
  `pools.yaml:7:14  error  "Crosssubnet" is not a mode
    7 | kind: Foo
      | ^`.replace('7:14', '7:1'),
);
test(
  'a tab before the caret stays a tab',
  shows,
  { column: 2, excerpt: { text: '\tcidr: x', length: 4 } },
  `pools.yaml:7:2  error  spec.vxlanMode: "Crosssubnet" is not a mode
    7 | \tcidr: x
      | \t^^^^`,
);
test(
  'an empty line is not shown',
  shows,
  { excerpt: { text: ' ', length: 1 } },
  'pools.yaml:7:14  error  spec.vxlanMode: "Crosssubnet" is not a mode',
);

test('of a long line, its surroundings are shown and the caret stands below the fault', (t) => {
  const text = `${'a'.repeat(200)}FAULT${'b'.repeat(200)}`;
  const [, line = '', carets = ''] = problemText(sessionLike(), {
    ...problem,
    column: 201,
    excerpt: { text, length: 5 },
  }).split('\n');
  t.true(line.length <= 110);
  t.is(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1), 'FAULT');
});

test('a caret never points beyond the line', (t) => {
  const lines = problemText(sessionLike(), {
    ...problem,
    column: 3,
    excerpt: { text: '  ab', length: 50 },
  }).split('\n');
  t.is(lines[2], '      |   ^^');
});

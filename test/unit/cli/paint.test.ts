import test from 'ava';
import { type ColorWhen, paintFor } from '../../../src/cli/paint.js';

const terminal = { isTTY: true };
const pipe = {};

const colours = test.macro({
  exec(t, stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv, when: ColorWhen, expected: boolean) {
    t.is(paintFor(stream, env, when).isColorSupported, expected);
  },
  title: (sentence = '') => sentence,
});

test('a terminal gets colours', colours, terminal, {}, 'auto', true);
test('a pipe gets none', colours, pipe, {}, 'auto', false);
test('a pipe in CI gets none', colours, pipe, { CI: 'true' }, 'auto', false);
test('NO_COLOR takes them from a terminal', colours, terminal, { NO_COLOR: '1' }, 'auto', false);
test(
  'an empty NO_COLOR says nothing (no-color.org)',
  colours,
  terminal,
  { NO_COLOR: '' },
  'auto',
  true,
);
test(
  'NO_COLOR wins over FORCE_COLOR',
  colours,
  terminal,
  { NO_COLOR: '1', FORCE_COLOR: '1' },
  'auto',
  false,
);
test('FORCE_COLOR gives them to a pipe', colours, pipe, { FORCE_COLOR: '1' }, 'auto', true);
test(
  'FORCE_COLOR=0 takes them from a terminal',
  colours,
  terminal,
  { FORCE_COLOR: '0' },
  'auto',
  false,
);
test('TERM=dumb has none', colours, terminal, { TERM: 'dumb' }, 'auto', false);
test(
  '--color always wins over NO_COLOR and a pipe',
  colours,
  pipe,
  { NO_COLOR: '1' },
  'always',
  true,
);
test(
  '--color never wins over FORCE_COLOR and a terminal',
  colours,
  terminal,
  { FORCE_COLOR: '1' },
  'never',
  false,
);

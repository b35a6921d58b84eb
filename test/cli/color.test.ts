import test from 'ava';
import { encap, encapOnTerminal, noTerminal } from './encap.js';

const escape = '\u001b[';

test('an error through a pipe has no colours', async (t) => {
  t.false((await encap(['statsu'])).stderr.includes(escape));
});

test('FORCE_COLOR colours a pipe', async (t) => {
  t.true((await encap(['statsu'], { env: { FORCE_COLOR: '1' } })).stderr.includes(escape));
});

test('--color never wins over FORCE_COLOR', async (t) => {
  const { stderr } = await encap(['statsu', '--color', 'never'], { env: { FORCE_COLOR: '1' } });
  t.false(stderr.includes(escape));
});

test('NO_COLOR wins over FORCE_COLOR', async (t) => {
  t.false(
    (await encap(['statsu'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stderr.includes(escape),
  );
});

const onTerminal = test.macro({
  exec(t, env: Readonly<Record<string, string>>, coloured: boolean) {
    const lacking = noTerminal();
    if (lacking !== undefined) {
      t.log(`skipped: ${lacking}`);
      t.pass();
      return;
    }
    const { text, code } = encapOnTerminal(['statsu'], { env });
    t.regex(text, /cannot run statsu/);
    t.is(text.includes(escape), coloured);
    t.is(code, 2);
  },
  title: (sentence = '') => sentence,
});

test('a terminal gets colours', onTerminal, {}, true);
test('a terminal with NO_COLOR gets none', onTerminal, { NO_COLOR: '1' }, false);
test('a dumb terminal gets none', onTerminal, { TERM: 'dumb' }, false);

import test from 'ava';
import { saidLogLevel } from '../../../src/cli/log.js';
import type { LogLevel } from '../../../src/model/log-level.js';
import { type Format, formatIn } from '../../../src/cli/session.js';
import { didYouMean } from '../../../src/cli/suggest.js';

const means = test.macro({
  async exec(t, word: string, expected: RegExp) {
    t.regex(
      await didYouMean(word, ['status', 'explain', 'validate', 'plan'], 'encap --help'),
      expected,
    );
  },
  title: (_, word: string) => `did you mean: ${word}`,
});

test(means, 'statsu', /^did you mean status\?/);
test(means, 'Explain', /^did you mean explain\?/);
test(means, 'valid', /^did you mean validate\?/);
test(means, 'pln', /^did you mean plan\?/);
test(means, 'xyzzy', /^see `encap --help`$/);
test(means, 'teleport', /^see `encap --help`$/);

const asksFor = test.macro({
  exec(t, words: readonly string[], expected: Format) {
    t.is(formatIn(words), expected);
  },
  title: (_, words: readonly string[]) => `the format of: encap ${words.join(' ')}`,
});

test(asksFor, ['get', 'pools'], 'table');
test(asksFor, ['-o', 'json', 'nonsense'], 'json');
test(asksFor, ['nonsense', '-ojson'], 'json');
test(asksFor, ['nonsense', '--output', 'yaml'], 'yaml');
test(asksFor, ['nonsense', '--output=json'], 'json');
test(asksFor, ['lab', 'up', 'x', '--json'], 'json');
test(asksFor, ['lab', 'exec', 'a1', '--', 'ip', '-o', 'json'], 'table');
test(asksFor, ['-o', 'xml'], 'table');

const logsAt = test.macro({
  exec(t, env: NodeJS.ProcessEnv, expected: LogLevel | undefined) {
    t.is(saidLogLevel(undefined, env), expected);
  },
  title: (_, env: NodeJS.ProcessEnv) => `log level of ${JSON.stringify(env)}`,
});

test(logsAt, {}, undefined);
test(logsAt, { FELIX_LOGSEVERITYSCREEN: 'Debug' }, 'debug');
test(logsAt, { FELIX_LOGSEVERITYSCREEN: 'WARNING' }, 'warn');
test(logsAt, { FELIX_LOGSEVERITYSCREEN: 'Fatal' }, 'fatal');
test(logsAt, { FELIX_LOGSEVERITYSCREEN: 'none' }, 'silent');
test(logsAt, { FELIX_LOGSEVERITYSCREEN: 'loud' }, undefined);
test(logsAt, { ENCAP_LOG_LEVEL: 'trace', FELIX_LOGSEVERITYSCREEN: 'Error' }, 'trace');
test('--log-level wins over the environment', (t) => {
  t.is(saidLogLevel('error', { ENCAP_LOG_LEVEL: 'trace' }), 'error');
});

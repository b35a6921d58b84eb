import { Command } from 'commander';
import test from 'ava';
import { filterOf } from '../../../src/cli/trace-filter.js';
import { takesFilter, type FilterOptions } from '../../../src/cli/trace-words.js';

const names = {
  0: 'UNDECIDED',
  1: 'ENCAPSULATED',
  2: 'DECAPSULATED',
  3: 'DIRECT',
  4: 'SHORTCUT_OUT',
  5: 'PASS_NOT_POOL',
  6: 'DROP_NO_BLOCK',
  7: 'DROP_ECN',
  8: 'ANSWERED_TOO_BIG',
  9: 'VERDICT_COUNT',
};

function parsed(...words: readonly string[]): FilterOptions {
  const command = takesFilter(new Command()).exitOverride();
  command.configureOutput({ writeErr: () => undefined });
  return command.parse(words, { from: 'user' }).opts<FilterOptions>();
}

const asks = test.macro({
  title: (_, words: string) => `encap trace ${words}`,
  exec: async (t, words: string, expected: object) => {
    const filter = await filterOf(parsed(...words.split(' ').filter(Boolean)), names);
    t.like(filter, expected);
  },
});

const drops = ['DROP_NO_BLOCK', 'DROP_ECN', 'ANSWERED_TOO_BIG'];

test(asks, '', {
  verdicts: ['ENCAPSULATED', 'DECAPSULATED', 'DIRECT', 'SHORTCUT_OUT', ...drops],
  directions: ['egress', 'ingress'],
});
test(asks, '--drops', { verdicts: drops });
test(asks, '--decision drop --decision direct', { verdicts: ['DIRECT', 'SHORTCUT_OUT', ...drops] });
test(asks, '--decision encap', { verdicts: ['ENCAPSULATED', 'SHORTCUT_OUT'] });
test(asks, '--decision pass', { verdicts: ['PASS_NOT_POOL'] });
test(asks, '--reason no_block --reason DROP_ECN', { verdicts: ['DROP_NO_BLOCK', 'DROP_ECN'] });
test(asks, '--reason not_pool --direction egress', {
  verdicts: ['PASS_NOT_POOL'],
  directions: ['egress'],
});
test(asks, '--from 10.244.1.5 --to 10.244.3.9/26 --host fd00::/64 --proto tcp --port 80', {
  source: '10.244.1.5/32',
  destination: '10.244.3.0/26',
  either: 'fd00::/64',
  protocol: 6,
  port: 80,
});
test(asks, '--proto 47', { protocol: 47 });

test('what is no address, protocol, port, verdict or word is refused', async (t) => {
  for (const words of ['--from x', '--to 10.0.0.0/33', '--proto tpc', '--port 0', '--decision all'])
    t.throws(() => parsed(...words.split(' ')), { code: 'commander.invalidArgument' }, words);
  const error = await t.throwsAsync(filterOf(parsed('--reason', 'no_blok'), names), {
    code: 'USAGE',
    message: 'cannot filter by no_blok: there is no such verdict',
  });
  t.regex((error as Error & { hint: string }).hint, /did you mean no_block\?/);
});

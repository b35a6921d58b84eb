import { InvalidArgumentError, Option, type Command } from 'commander';
import { examplesOf } from './examples.js';
import { sessionOf } from './session.js';

/** `encap bench`: what encapsulation costs here, beside the kernel's own devices. */
export function define(command: Command): void {
  examplesOf(command, [
    ['sudo encap bench run short', 'a first impression, in minutes'],
    ['sudo encap bench run --out results', 'everything: some four hours'],
    ['encap bench run --ssh a,b --path lan=192.0.2.1,192.0.2.2', 'between two machines'],
    ['sudo encap bench run scale --blocks 1k,100k', 'how it grows with the number of blocks'],
    ['encap bench report results/run.json', 'the table once more'],
    ['encap bench compare old/run.json new/run.json', 'exit code 7 when something became slower'],
  ]);
  command.helpCommand(false);
  run(command);
  report(command);
  compare(command);
  list(command);
}

export interface RunOptions {
  readonly variants?: readonly string[];
  readonly underlays?: readonly string[];
  readonly rules?: string;
  readonly loads?: readonly string[];
  readonly base?: string;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly seed?: number;
  readonly ssh?: readonly string[];
  readonly sshConfig?: string;
  readonly path?: readonly string[];
  readonly blocks?: readonly number[];
  readonly out?: string;
}

function run(parent: Command): void {
  const summary =
    'measure, in networks of its own, which it removes again, or between two machines';
  const command = parent
    .command('run')
    .summary(summary)
    .description(summary)
    .argument('[suite]', 'default, short or scale', 'default')
    .option('--variants <names>', 'what carries the packets (encap bench list)', words)
    .option('--underlays <names>', 'super, wire', words)
    .option('--rules <name>', 'of netfilter on the nodes: none, calico')
    .option('--loads <names>', 'what is sent', words)
    .option(
      '--base <name>',
      'what the others are divided by (default: kernel-vxlan, or the first path)',
    )
    .option('--rounds <n>', 'of all turns (default: 15)', whole)
    .option('--seconds <s>', 'of each turn, whole ones (default: 3)', whole)
    .option('--seed <n>', 'of the order (default: drawn, and told)', whole)
    .option('--ssh <a,b>', 'measure between these two machines, as they are', words)
    .option('--path <name=a,b>', 'from an address of a to one of b; once for each path', more)
    .option('--ssh-config <file>', 'for ssh, in the place of your own (ssh -F)')
    .option('--blocks <numbers>', 'scale alone: 1k,10k,100k,1M or some of them', counts)
    .option('--out <dir>', 'for run.json, run.md and run.html (default: encap-bench-<time>)');
  examplesOf(command, [
    ['sudo encap bench run short', 'few loads, a second each'],
    ['sudo encap bench run --variants encapd-vxlan,direct --loads tcp-1 --rounds 5', 'a question'],
    [
      'encap bench run --ssh root@a,root@b --path lan=192.0.2.1,192.0.2.2 --path pods=10.244.1.0,10.244.2.0',
      'what the overlay costs there',
    ],
  ]).action(async (suite: string, options: RunOptions) => {
    const session = sessionOf(command);
    if (suite === 'scale') await (await import('./bench-scale.js')).run(session, options);
    else await (await import('./bench-run.js')).run(session, suite, options);
  });
}

function report(parent: Command): void {
  const summary = 'a run as a table, as Markdown or as a page';
  const command = parent
    .command('report')
    .summary(summary)
    .description(summary)
    .argument('<run.json>', 'what `encap bench run` has written')
    .option('--md', 'print Markdown')
    .option('--html <file>', 'write a page with plots, in one file');
  examplesOf(command, [
    ['encap bench report run.json', 'ratios to the base, with intervals'],
    ['encap bench report run.json --html run.html', 'to be sent to others'],
  ]).action(async (file: string, options: { md?: boolean; html?: string }) => {
    await (await import('./bench-report.js')).report(sessionOf(command), file, options);
  });
}

function compare(parent: Command): void {
  const summary = 'what became faster or slower between two runs';
  const command = parent
    .command('compare')
    .summary(summary)
    .description(summary)
    .argument('<earlier.json>')
    .argument('<later.json>')
    .addOption(
      new Option(
        '--fail-if-slower <share>',
        'exit 7 when a whole interval lies more than that below',
      )
        .default(0.05, '5%')
        .argParser(share),
    );
  examplesOf(command, [
    ['encap bench compare old.json new.json --fail-if-slower 5%', 'for a script'],
  ]).action(async (earlier: string, later: string, options: { failIfSlower: number }) => {
    const { compare: tell } = await import('./bench-report.js');
    await tell(sessionOf(command), earlier, later, options.failIfSlower);
  });
}

function list(parent: Command): void {
  const summary = 'the suites, variants, underlays and loads there are';
  const command = parent.command('list').summary(summary).description(summary);
  examplesOf(command, [['encap bench list', 'names for --variants, --underlays, --loads']]).action(
    async () => {
      await (await import('./bench-report.js')).list(sessionOf(command));
    },
  );
}

function words(text: string): readonly string[] {
  return text.split(',').filter((word) => word !== '');
}

function more(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** `1k,250000,1M`. */
function counts(text: string): readonly number[] {
  return words(text).map((word) => {
    const [, digits = '', unit = ''] = /^(\d+)([kM]?)$/.exec(word) ?? [];
    const count = Number(digits) * { '': 1, k: 1e3, M: 1e6 }[unit as '' | 'k' | 'M'];
    if (digits === '' || count < 1000 || count > 1e6)
      throw new InvalidArgumentError('expected numbers from 1k to 1M, with commas between them.');
    return count;
  });
}

function whole(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('expected a whole number from 1 on.');
  return number;
}

/** `5%` or `0.05`. */
function share(text: string): number {
  const number = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!(number >= 0 && number < 1)) throw new InvalidArgumentError('expected a share: 5% or 0.05.');
  return number;
}

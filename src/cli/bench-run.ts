import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MakeBed } from '../bench/bed.js';
import { asItIs, between } from '../bench/hosts.js';
import { labs } from '../bench/labs.js';
import { loadNames, loads, type LoadName } from '../bench/load.js';
import { metrics } from '../bench/metric.js';
import { markdown } from '../bench/report.js';
import { run as measure, type Plan, type Progress } from '../bench/run.js';
import { rulesNames } from '../bench/rules.js';
import { scaleName, suiteNames, suites } from '../bench/suite.js';
import { underlayNames } from '../bench/underlay.js';
import { usualBase, variantNames } from '../bench/variant.js';
import { EncapError } from '../errors.js';
import type { RunOptions } from './bench.js';
import { reportText, writePage } from './bench-report.js';
import { print } from './output.js';
import { note, type Session } from './session.js';
import { hostsOf } from './bench-hosts.js';
import { didYouMean } from './suggest.js';
import { ownVersion } from './version.js';

/** `encap bench run`. */
export async function run(session: Session, suite: string, options: RunOptions): Promise<void> {
  refuse(options, ['blocks'], suite);
  const { plan, makeBed } = await planOf(suite, options);
  const out = outFolder(options);
  const result = await measure(plan, makeBed, {
    command: ['encap', ...process.argv.slice(2)],
    versions: { encap: await ownVersion() },
    signal: untilInterrupted(),
    onStep: (sentence) => note(session, `${session.notePaint.green('✔')} ${sentence}`),
    onProgress: (progress) => tell(session, progress, plan.rounds),
  });
  if (result?.complete !== true) process.exitCode = 130;
  if (result === undefined) return;
  writeFileSync(join(out, 'run.json'), `${JSON.stringify(result)}\n`);
  writeFileSync(join(out, 'run.md'), markdown(result));
  await writePage(join(out, 'run.html'), result);
  await print(session, { document: result, text: () => reportText(session, result) });
  note(session, `${out}: run.json, run.md, run.html written`);
}

/** Made before anything is measured for nothing. */
export function outFolder({ out }: RunOptions): string {
  const folder = out ?? `encap-bench-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}`;
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Fires with Ctrl-C: what is measured until then is kept. */
export function untilInterrupted(): AbortSignal {
  const stop = new AbortController();
  const interrupted = (): void => stop.abort();
  // not once: execa ends this process with the signal when nobody listens to it any more
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
  return stop.signal;
}

/** Options that say nothing in a suite would be passed over in silence. */
export function refuse(
  options: RunOptions,
  names: readonly (keyof RunOptions)[],
  suite: string,
): void {
  const [wrong] = names.filter((name) => options[name] !== undefined);
  if (wrong === undefined) return;
  throw new EncapError(`cannot measure the suite ${suite}: --${wrong} says nothing in it`, {
    code: 'USAGE',
    hint: `leave out --${wrong}; encap bench run --help`,
  });
}

async function planOf(
  suite: string,
  options: RunOptions,
): Promise<{ readonly plan: Plan; readonly makeBed: MakeBed }> {
  const { rounds, seconds, seed } = options;
  const given = suites[await known('suite', suite, suiteNames)];
  const hosts = hostsOf(options);
  const asked = hosts === undefined ? options.variants : options.loads;
  const common = {
    loads: await all('load', options.loads, loadNames, given.loads),
    rounds: rounds ?? given.rounds,
    seconds: seconds ?? given.seconds,
    seed: seed ?? Math.floor(Math.random() * 2 ** 32),
    absence: asked === undefined ? 'is named' : 'is an error',
  } as const;
  if (hosts !== undefined) {
    const names = hosts.paths.map(({ name }) => name);
    const base = await known(
      'path',
      options.base ?? names[0] ?? '',
      names,
      'encap bench run --help',
    );
    return {
      plan: { ...common, underlays: [asItIs], rules: asItIs, variants: names, base },
      makeBed: between(hosts),
    };
  }
  return {
    plan: {
      ...common,
      underlays: await all('underlay', options.underlays, underlayNames, given.underlays),
      variants: await all('variant', options.variants, variantNames, given.variants),
      base: await known('variant', options.base ?? usualBase, variantNames),
      rules: await known('set of rules', options.rules ?? given.rules, rulesNames),
    },
    makeBed: labs,
  };
}

async function all<Name extends string>(
  what: string,
  asked: readonly string[] | undefined,
  names: readonly Name[],
  usual: readonly Name[],
): Promise<readonly Name[]> {
  return asked === undefined ? usual : Promise.all(asked.map((name) => known(what, name, names)));
}

async function known<Name extends string>(
  what: string,
  asked: string,
  names: readonly Name[],
  list = 'encap bench list',
): Promise<Name> {
  const found = names.find((name) => name === asked);
  if (found !== undefined) return found;
  throw new EncapError(`cannot measure the ${what} ${asked}: there is no such ${what}`, {
    code: 'USAGE',
    hint: await didYouMean(asked, what === 'suite' ? [...names, scaleName] : names, list),
  });
}

/** A line that is written over on a terminal; elsewhere one for each round. */
function tell(session: Session, progress: Progress, rounds: number): void {
  const { done, total, turn, secondsLeft } = progress;
  const isTerminal = process.stderr.isTTY;
  const endsRound = done % (total / rounds) === 0;
  if (session.quiet || !(isTerminal || endsRound)) return;
  const width = 10;
  const filled = Math.round((done / total) * width);
  const line = [
    '▇'.repeat(filled) + '▁'.repeat(width - filled),
    `round ${turn.round + 1}/${rounds}`,
    turn.underlay,
    turn.load,
    turn.variant,
    valueOf(progress),
    `${timeText(secondsLeft)} left`,
  ].join('  ');
  process.stderr.write(isTerminal ? `\r\x1b[K${line}${done === total ? '\n' : ''}` : `${line}\n`);
}

function valueOf({ turn, values }: Progress): string {
  const [metric] = loads[turn.load as LoadName].metrics;
  const value = values[metric];
  return value === undefined ? '' : metrics[metric].text(value);
}

function timeText(seconds: number): string {
  const whole = Math.round(seconds);
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  return minutes === 0 ? `${rest}s` : `${minutes}m${String(rest).padStart(2, '0')}s`;
}

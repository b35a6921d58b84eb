import { Option, type Command } from 'commander';
import { examplesOf } from './examples.js';
import { orders, type Order, type Reading } from './rates.js';
import { note, type Session, sessionOf, withJson } from './session.js';
import { takesTicks, ticks, type TickOptions } from './ticks.js';
import { groupings, type Grouping, topReport, type TopReport } from './top-report.js';

interface TopOptions extends TickOptions {
  readonly by: Grouping | 'reason';
  readonly sort: Order;
  readonly json?: boolean;
}

/** `encap top`: what goes on now, by the second. */
export function define(command: Command): void {
  takesTicks(
    command
      .addOption(
        new Option('--by <what>', 'peer and verdict are counted, block and pool sampled')
          .choices([...groupings, 'reason'])
          .default('peer'),
      )
      .addOption(new Option('--sort <order>', 'what comes first').choices(orders).default('bytes')),
  ).addOption(new Option('--json', 'as -o json: a line each time'));
  examplesOf(command, [
    ['sudo encap top', 'nodes by traffic, each second, until Ctrl-C'],
    ['sudo encap top --by verdict --interval 10', 'what packets leave the programs as, and why'],
    ['sudo encap top --by block --sort packets -n 1', 'once: the blocks with the most packets'],
    ['sudo encap top --by pool --json -n 60', 'for a script: a minute, an object in each line'],
  ]).action(async (options: TopOptions) => {
    const session = withJson(sessionOf(command), options);
    const by = options.by === 'reason' ? 'verdict' : options.by;
    const [{ untilStopped }, { show }] = await Promise.all([
      import('./stream.js'),
      import('./top-show.js'),
    ]);
    const stopped = untilStopped(undefined);
    let total = 0;
    let seen = 0;
    for await (const report of reports(session, { ...options, by }, stopped)) {
      await show(session, report, seen === 0);
      seen += 1;
      total += report.items.reduce(
        (sum, { tx, rx }) => sum + (tx.packets + rx.packets) * report.seconds,
        0,
      );
    }
    note(session, `${seen} intervals, ${Math.round(total)} packets`);
  });
}

/** Reports as time goes by. */
export async function* reports(
  session: Session,
  { by, sort, ...when }: TickOptions & { readonly by: Grouping; readonly sort: Order },
  stopped: AbortController,
): AsyncGenerator<TopReport, void, void> {
  if (by === 'peer' || by === 'verdict') {
    const { readCounted } = await import('./readings.js');
    let before = await readCounted(session.env, by);
    for await (const _ of ticks(when, stopped.signal)) {
      const after = await readCounted(session.env, by);
      yield topReport(by, sort, [before, after]);
      before = after;
    }
    return;
  }
  const [{ Sampler }, { tracedNode }] = await Promise.all([
    import('./sampled.js'),
    import('./tracing.js'),
  ]);
  using sampler = new Sampler(await tracedNode(session.env), by);
  let failure: unknown;
  const listening = sampler.listen(stopped.signal).catch((error: unknown) => {
    failure = error;
    stopped.abort();
  });
  let before: Reading = sampler.read();
  for await (const _ of ticks(when, stopped.signal)) {
    const after = sampler.read();
    yield topReport(by, sort, [before, after]);
    before = after;
  }
  stopped.abort();
  await listening;
  if (failure !== undefined) throw failure as Error;
}

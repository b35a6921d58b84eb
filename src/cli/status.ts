import type { Command } from 'commander';
import { EncapError, exitCodes } from '../errors.js';
import { examplesOf } from './examples.js';
import { print, type View } from './output.js';
import { type Session, sessionOf } from './session.js';
import type { StatusReport } from './status-report.js';
import { takesTicks, type TickOptions } from './ticks.js';

interface StatusOptions extends TickOptions {
  readonly brief?: boolean;
  readonly watch?: boolean;
}

/** `encap status`: read from the kernel, whether an agent runs or not. */
export function define(command: Command): void {
  takesTicks(
    command
      .option('--brief', 'one line')
      .option('-w, --watch', 'again and again, with rates, until Ctrl-C'),
  );
  examplesOf(command, [
    ['sudo encap', 'the same as encap status'],
    ['sudo encap status --brief', 'one line; exit code 7 when degraded'],
    ['sudo encap status -o json', 'for a monitoring system'],
    ['sudo encap status -o wide', 'with bytes, programs and MACs'],
    ['sudo encap status --watch --interval 5', 'each five seconds, with rates by node'],
  ]).action(async (options: StatusOptions) => {
    const session = sessionOf(command);
    if (options.watch === true) return watch(session, options);
    for (const name of ['interval', 'count'])
      if (command.getOptionValueSource(name) === 'cli')
        throw new EncapError(`cannot take --${name}: status is said once`, {
          code: 'USAGE',
          hint: 'with --watch it is said again and again',
        });
    const { statusReport } = await import('./status-report.js');
    const report = await statusReport(session.env);
    await print(session, await viewOf(session, report, options));
    if (report.verdict === 'DEGRADED') process.exitCode = exitCodes.degraded;
  });
}

async function viewOf(
  session: Session,
  report: StatusReport,
  { brief = false }: Pick<StatusOptions, 'brief'>,
): Promise<View> {
  const { briefText, statusText } = await import('./status-text.js');
  return {
    document: report,
    names: () => report.peers.map(({ name }) => name),
    text: () => (brief ? briefText(session, report) : statusText(session, report)),
  };
}

/** The same with the rates of an interval; ends as degraded where the last look found it so. */
async function watch(session: Session, options: StatusOptions): Promise<void> {
  const [{ statusReport }, { reports }, { screen }, { ratesTable }, stream] = await Promise.all([
    import('./status-report.js'),
    import('./top.js'),
    import('./top-show.js'),
    import('./top-text.js'),
    import('./stream.js'),
  ]);
  const isScreen = session.columns !== undefined;
  let seen = 0;
  const how = { ...options, by: 'peer', sort: 'bytes' } as const;
  for await (const rates of reports(session, how, stream.untilStopped(undefined))) {
    const report = await statusReport(session.env);
    const view = await viewOf(session, report, options);
    const isFirst = seen === 0;
    await stream.printNext(session, {
      ...view,
      document: { ...report, rates },
      text: async () => {
        const status = await view.text(session);
        if (options.brief === true) return status;
        const text = [status, ratesTable(session, rates)]
          .filter((part) => part !== '')
          .join('\n\n');
        return isScreen ? screen(text, isFirst) : isFirst ? text : `\n${text}`;
      },
    });
    seen += 1;
    process.exitCode = report.verdict === 'DEGRADED' ? exitCodes.degraded : exitCodes.ok;
  }
}

import type { Command } from 'commander';
import { exitCodes } from '../errors.js';
import { examplesOf } from './examples.js';
import { print } from './output.js';
import { sessionOf } from './session.js';

/** `encap status`: read from the kernel, whether an agent runs or not. */
export function define(command: Command): void {
  command.option('--brief', 'one line');
  examplesOf(command, [
    ['sudo encap', 'the same as encap status'],
    ['sudo encap status --brief', 'one line; exit code 7 when degraded'],
    ['sudo encap status -o json', 'for a monitoring system'],
    ['sudo encap status -o wide', 'with bytes, programs and MACs'],
  ]).action(async ({ brief = false }: { brief?: boolean }) => {
    const session = sessionOf(command);
    const [{ statusReport }, { briefText, statusText }] = await Promise.all([
      import('./status-report.js'),
      import('./status-text.js'),
    ]);
    const report = await statusReport(session.env);
    await print(session, {
      document: report,
      names: () => report.peers.map(({ name }) => name),
      text: () => (brief ? briefText(session, report) : statusText(session, report)),
    });
    if (report.verdict === 'DEGRADED') process.exitCode = exitCodes.degraded;
  });
}

import type { Command } from 'commander';
import { examplesOf } from './examples.js';
import { print } from './output.js';
import { pinnedDatapath } from './pinned.js';
import { sessionOf } from './session.js';

/** `encap bpf info`: from pins and kernel alone; no agent is needed. */
export function defineInfo(parent: Command): void {
  const summary = 'the programs that are loaded: sizes, runs, maps, places, build';
  const command = parent.command('info').summary(summary).description(summary);
  examplesOf(command, [
    ['sudo encap bpf info', 'all of them'],
    ['sudo encap bpf info -o json', 'for a script'],
    [
      'sudo sysctl kernel.bpf_stats_enabled=1; sudo encap bpf info',
      'with runs and nanoseconds; counting costs some',
    ],
  ]).action(async () => {
    const session = sessionOf(command);
    const { folders, generation } = await pinnedDatapath(session.env);
    const [{ programReport }, { programReportText }] = await Promise.all([
      import('./bpf-report.js'),
      import('./bpf-text.js'),
    ]);
    const report = programReport(generation, folders);
    await print(session, {
      document: report,
      names: () => report.items.map(({ program }) => program),
      text: () => programReportText(session.paint, report),
    });
  });
}

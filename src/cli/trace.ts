import { type Command, Option } from 'commander';
import type { DecisionRow } from './decision-row.js';
import { examplesOf } from './examples.js';
import { note, sessionOf, withJson } from './session.js';
import { wholeFrom } from './ticks.js';
import { takesEnds, takesFilter, type EndOptions, type FilterOptions } from './trace-words.js';

interface TraceOptions extends FilterOptions, EndOptions {
  readonly last?: number;
  readonly rate: number;
  readonly json?: boolean;
}

/** Enough for the headers of a frame in a frame, both IPv6, with some extension headers. */
const headerBytes = 192;

/** `encap trace`: decisions of the programs, one by one, as they are made. */
export function define(command: Command): void {
  takesEnds(takesFilter(command), 'decisions')
    .option('--last <number>', 'print the last ones only, at the end', wholeFrom)
    .option('--rate <number>', 'at most so many a second, in the kernel', wholeFrom, 1000)
    .addOption(new Option('--json', 'as -o json: a line each'));
  examplesOf(command, [
    ['sudo encap trace', 'all that is carried or dropped, until Ctrl-C'],
    ['sudo encap trace --to 10.244.3.0/26 --proto tcp -n 20', 'twenty packets to a block'],
    ['sudo encap trace --drops --for 60', 'what is dropped in a minute, and why'],
    ['sudo encap trace --reason no_block --last 5 --for 10', 'the last five of one verdict'],
    ['sudo encap trace --port 53 --json', 'for a script: one object in each line'],
  ]).action(async (options: TraceOptions) => {
    const session = withJson(sessionOf(command), options);
    const [{ tracedNode, Tracing }, { filterOf }, { decisionText }, { printNext, untilStopped }] =
      await Promise.all([
        import('./tracing.js'),
        import('./trace-filter.js'),
        import('./decision-text.js'),
        import('./stream.js'),
      ]);
    const node = await tracedNode(session.env);
    const filter = await filterOf(options, node.state.verdicts);
    const { count = Infinity, last, rate } = options;
    const stopped = untilStopped(options.for);
    const print = (row: DecisionRow): Promise<void> =>
      printNext(session, { document: row, text: () => decisionText(session.paint, row) });
    const kept: DecisionRow[] = [];
    let seen = 0;
    using tracing = new Tracing(node, { ...filter, rate, snapBytes: headerBytes });
    note(session, 'tracing; Ctrl-C ends it');
    for await (const { row } of tracing.told(stopped.signal)) {
      seen += 1;
      if (last === undefined) await print(row);
      else if (kept.push(row) > last) kept.shift();
      if (seen >= count) break;
    }
    for (const row of kept) await print(row);
    note(
      session,
      [`${seen} decisions`, tracing.untoldText()].filter((one) => one !== '').join('; '),
    );
  });
}

import { once } from 'node:events';
import { release } from 'node:os';
import { type Command, Option } from 'commander';
import { examplesOf } from './examples.js';
import { note, sessionOf } from './session.js';
import { wholeFrom } from './ticks.js';
import { takesEnds, takesFilter, type EndOptions, type FilterOptions } from './trace-words.js';
import type { Told } from './tracing.js';

interface CaptureOptions extends FilterOptions, EndOptions {
  readonly write: string;
  readonly point: 'before' | 'after' | 'both';
  readonly snap: number;
  readonly rate: number;
}

/** TRACE_SNAP: so much of a frame the programs tell. */
const mostBytes = 2048;

/** `encap capture`: frames as the programs met and left them, with the decision beside each, as pcapng. */
export function define(command: Command): void {
  takesEnds(takesFilter(command), 'decisions')
    .argument('[filter...]', 'as in pcap-filter(7); of the packet inside or outside')
    .requiredOption('-w, --write <file>', 'pcapng file, or - for a pipe')
    .addOption(
      new Option('--point <where>', 'the frame as a program met it, as it left, or both')
        .choices(['before', 'after', 'both'])
        .default('both'),
    )
    .option('-s, --snap <bytes>', `of each frame, ${mostBytes} at most`, snapFrom, mostBytes)
    .option(
      '--rate <number>',
      'at most so many decisions a second, in the kernel',
      wholeFrom,
      10_000,
    );
  examplesOf(command, [
    ['sudo encap capture -w a.pcapng -n 20', 'twenty decisions, two frames of most'],
    ["sudo encap capture 'tcp port 8080' -w - | tshark -r -", 'as it happens'],
    ['sudo encap capture --drops --for 60 -w drops.pcapng', 'what is dropped in a minute'],
    ["sudo encap capture --point after 'udp port 4789' -w -", 'VXLAN as it goes out, for a pipe'],
  ]).action(async (words: readonly string[], options: CaptureOptions) => {
    const session = sessionOf(command);
    const [
      { captureFile, refuseTerminal },
      { packetFilter },
      { passes },
      { tracedNode, Tracing },
      stream,
    ] = await Promise.all([
      import('./capture-file.js'),
      import('./packet-filter.js'),
      import('../net/classic-bpf.js'),
      import('./tracing.js'),
      import('./stream.js'),
    ]);
    const [{ filterOf }, { framesOf, headOf }] = await Promise.all([
      import('./trace-filter.js'),
      import('./capture-frames.js'),
    ]);
    refuseTerminal(options.write);
    const filter = words.length === 0 ? undefined : await packetFilter(words.join(' '));
    const node = await tracedNode(session.env);
    const asked = await filterOf(options, node.state.verdicts);
    const isWanted = ({ decision: { met, left } }: Told): boolean =>
      filter === undefined ||
      passes(filter, met.bytes, met.size) ||
      passes(filter, left.bytes, left.size);
    const { count = Infinity, point, rate, snap } = options;
    const stopped = stream.untilStopped(options.for);
    using tracing = new Tracing(node, { ...asked, rate, snapBytes: snap });
    const { into, end } = await captureFile(options.write);
    into.write(headOf(`encap on ${node.state.node}, Linux ${release()}`, snap));
    note(session, 'capturing; Ctrl-C ends it');
    let seen = 0;
    for await (const told of tracing.told(stopped.signal)) {
      if (!isWanted(told)) continue;
      seen += 1;
      for (const block of framesOf(told, point)) if (!into.write(block)) await once(into, 'drain');
      if (seen >= count) break;
    }
    await end();
    note(
      session,
      [`${seen} decisions`, tracing.untoldText()].filter((one) => one !== '').join('; '),
    );
  });
}

/** At least an Ethernet and an IPv6 header. */
function snapFrom(text: string): number {
  return Math.min(mostBytes, Math.max(54, wholeFrom(text)));
}

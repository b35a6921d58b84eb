import type { Command } from 'commander';
import { examplesOf } from './examples.js';
import { type LabOptions, labSession, verb } from './lab-verb.js';
import { note } from './session.js';
import { above0 } from './ticks.js';

interface CaptureWords extends LabOptions {
  readonly write: string;
  readonly count?: number;
  readonly duration?: number;
  readonly filter: string;
}

/** `encap lab capture`: what passes at places of a lab, as one pcapng file. */
export function captureVerb(parent: Command): void {
  const command = verb(parent, 'capture', 'write what passes at nodes and workloads as pcapng')
    .argument('<where...>', 'node-a, a workload: a1; one interface of the file for each')
    .requiredOption('-w, --write <file>', 'file, or - for a pipe')
    .option('-c, --count <packets>', 'end after so many', above0)
    .option('--duration <seconds>', 'end after so long (default: Ctrl-C)', above0)
    .option('--filter <expression>', 'as in pcap-filter(7)', '');
  examplesOf(command, [
    ['sudo encap lab capture node-a -w a.pcapng -c 20', 'twenty packets at the uplink of node-a'],
    [
      'sudo encap lab capture a1 node-a -w - | wireshark -k -i -',
      'before and after, as it happens',
    ],
    ["sudo encap lab capture node-c -w c.pcapng --filter 'udp port 4789'", 'VXLAN alone'],
  ]).action(async (places: readonly string[], options: CaptureWords) => {
    const session = labSession(command);
    const [{ capture }, { findLab }, { captureFile, refuseTerminal }, { untilStopped }] =
      await Promise.all([
        import('../lab/capture.js'),
        import('../lab/state.js'),
        import('./capture-file.js'),
        import('./stream.js'),
      ]);
    const { write, count, duration, filter, name } = options;
    refuseTerminal(write);
    const lab = findLab(name);
    const stopped = untilStopped(undefined);
    const { into, end } = await captureFile(write);
    const packets = await capture(lab, into, {
      places,
      filter,
      count,
      durationMs: duration === undefined ? undefined : duration * 1000,
      signal: stopped.signal,
      onReady: () => note(session, `capturing at ${places.join(', ')}; Ctrl-C ends it`),
    });
    await end();
    note(session, `${packets} packets`);
  });
}

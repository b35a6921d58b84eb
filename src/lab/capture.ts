import { release } from 'node:os';
import { PassThrough, type Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { EncapError } from '../errors.js';
import { endpoint } from './endpoint.js';
import { inside } from './namespace.js';
import { packetsOf, type PcapPacket } from './pcap.js';
import { enhancedPacket, interfaceDescription, sectionHeader } from '../net/pcapng.js';
import { untilSaid } from './said.js';
import type { Lab } from './state.js';
import { routersOf } from './topology.js';

export interface CaptureOptions {
  /** Nodes, workloads or the router; of each its eth0, of the router its bridges. */
  readonly places: readonly string[];
  /** In the words of pcap-filter(7); empty: all. */
  readonly filter: string;
  /** Ends after so many packets, after so long, or when the signal fires, whatever is first. */
  readonly count: number | undefined;
  readonly durationMs: number | undefined;
  readonly signal: AbortSignal;
  /** Once all places are watched. */
  readonly onReady: () => void;
}

const snapLength = 262_144;

/** Writes what is seen at several places of a lab as one pcapng file; gives back how many packets. */
export async function capture(lab: Lab, into: Writable, options: CaptureOptions): Promise<number> {
  const { places, filter, count = Infinity, durationMs, signal, onReady } = options;
  const watched = places.flatMap((name) =>
    portsOf(lab, name).map((port) => watch(lab, { name, port }, filter)),
  );
  const end = (): void => {
    for (const { running } of watched) running.kill('SIGINT');
  };
  signal.addEventListener('abort', end, { once: true });
  let written = 0;
  try {
    await Promise.all(watched.map(untilListening));
    into.write(sectionHeader(`encap lab ${lab.name}, Linux ${release()}`));
    for (const { name, port } of watched)
      into.write(
        interfaceDescription(`${name} ${port}`, `${name} of the lab ${lab.name}`, snapLength),
      );
    onReady();
    if (durationMs !== undefined) void sleep(durationMs, undefined, { ref: false }).then(end);
    const write = async (packet: PcapPacket, at: number): Promise<void> => {
      if (written >= count) return;
      written += 1;
      if (written >= count) end();
      if (!into.write(enhancedPacket({ interface: at, ...packet })))
        await new Promise((resolve) => into.once('drain', resolve));
    };
    await Promise.all(
      watched.map(async ({ packets }, at) => {
        for await (const packet of packets) await write(packet, at);
      }),
    );
  } finally {
    signal.removeEventListener('abort', end);
    end();
    await Promise.all(watched.map(({ running }) => running));
  }
  return written;
}

/** The first router has a bridge for each subnet, others have their ports: what they route passes there. */
function portsOf({ topology }: Lab, name: string): readonly string[] {
  const [first, ...others] = routersOf(topology);
  const other = others.find((router) => router.name === name);
  if (other !== undefined) return other.ports.map(({ segment }) => segment);
  if (name !== first?.name) return ['eth0'];
  return topology.segments.flatMap(({ name: bridge, router }) =>
    router === undefined ? [] : [bridge],
  );
}

function watch(
  lab: Lab,
  { name, port }: { readonly name: string; readonly port: string },
  filter: string,
) {
  const [file, ...args] = inside(endpoint(lab, name).namespace, [
    ...['tcpdump', '-i', port, '-n', '-U', '-w', '-', '-s', String(snapLength), '-B', '8192'],
    ...['--immediate-mode', '--time-stamp-precision=nano', '-y', 'EN10MB'],
    ...(filter === '' ? [] : [filter]),
  ]);
  const running = execa(file, args, {
    reject: false,
    encoding: 'buffer',
    buffer: { stdout: false },
  });
  // Somebody has to listen from the beginning: what nobody reads execa throws away, and the file's head is in it.
  const packets = packetsOf(running.stdout.pipe(new PassThrough()));
  return { name, port, running, packets };
}

async function untilListening({ name, running }: ReturnType<typeof watch>): Promise<void> {
  if (await untilSaid(running.stderr, 'listening on')) return;
  const { stderr } = await running;
  throw new EncapError(`cannot capture at ${name}: ${Buffer.from(stderr).toString().trim()}`, {
    code: 'LAB_FAILED',
    hint: 'apt install tcpdump; a filter is as in pcap-filter(7)',
  });
}

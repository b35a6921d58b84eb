import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { EncapError } from '../errors.js';
import { inside } from './namespace.js';
import { untilSaid } from './said.js';
import { namespaceOf, type Lab } from './state.js';

/** How a packet crossed the underlay, told by its outer headers. */
export type Carriage = 'vxlan' | 'ipip' | 'direct';

/** What the router saw of one pair of inner addresses. */
export type Seen = ReadonlyMap<string, ReadonlySet<Carriage>>;

/** Key of `Seen`. */
export function pair(source: string, destination: string): string {
  return `${source} > ${destination}`;
}

/**
 * Runs something while the router's ports are watched; gives back its result and how each pair of
 * inner addresses crossed the underlay. All underlay links end in the router's namespace.
 */
export async function watchWire<T>(
  lab: Lab,
  run: () => Promise<T>,
): Promise<{ readonly result: T; readonly seen: Seen }> {
  const [file, ...args] = inside(namespaceOf(lab.name, 'router'), [
    ...['tcpdump', '-i', 'any', '-n', '-t', '-l', '--immediate-mode', '-s', '192', '-B', '8192'],
    'icmp or icmp6 or ip proto 4 or udp port 4789',
  ]);
  const capture = execa(file, args, { reject: false });
  // before it says so its filter is not in place, and it sees nothing
  if (!(await untilSaid(capture.stderr, 'listening on'))) {
    const { shortMessage, stderr } = await capture;
    throw new EncapError(`cannot watch the wire: ${stderr.trim() || shortMessage}`, {
      code: 'LAB_FAILED',
      hint: 'apt install tcpdump',
    });
  }
  const result = await run();
  await sleep(100); // the last packets are on their way through the pipe
  capture.kill('SIGINT');
  const { stdout } = await capture;
  return { result, seen: readCapture(stdout) };
}

/** Reads the lines of `tcpdump -n -t`: VXLAN and IP-in-IP stand before the inner addresses. */
export function readCapture(text: string): Seen {
  const seen = new Map<string, Set<Carriage>>();
  let carriage: Carriage = 'direct';
  for (const line of text.split('\n')) {
    if (/\.4789: VXLAN/.test(line)) {
      carriage = 'vxlan'; // the inner packet is on the next line
      continue;
    }
    const inIp = /IP [\d.]+ > [\d.]+: IP ([\d.]+) > ([\d.]+): /.exec(line);
    const plain = /IP6? ([\da-f.:]+) > ([\da-f.:]+): ICMP6?,? echo/.exec(line);
    const [, source, destination] = inIp ?? plain ?? [];
    if (source !== undefined && destination !== undefined) {
      const key = pair(source, destination);
      seen.set(key, (seen.get(key) ?? new Set()).add(inIp === null ? carriage : 'ipip'));
    }
    carriage = 'direct';
  }
  return seen;
}

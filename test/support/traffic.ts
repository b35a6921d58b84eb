import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import { inside } from '../../src/lab/namespace.js';
import { untilSaid } from '../../src/lab/said.js';
import {
  sctpReceiver,
  sctpSender,
  tcpReceiver,
  tcpSender,
  udpReceiver,
  udpSender,
} from './endpoints.js';
import { runIn, startIn } from './spaces.js';

// Traffic between two namespaces, and a look at it.

/** Two pings of one packet with DF; whether both were answered. */
export function pings(namespace: string, address: string, ipBytes: number): boolean {
  const size = ['-s', String(ipBytes - (address.includes(':') ? 48 : 28))];
  const pace = ['-c', '2', '-i', '0.2', '-W', '2'];
  try {
    runIn(namespace, ['ping', '-n', '-q', '-M', 'do', ...size, ...pace, address]);
    return true;
  } catch {
    return false;
  }
}

/** Sends random bytes over TCP; what both ends hashed. */
export async function stream(
  from: string,
  to: string,
  address: string,
  bytes: number,
): Promise<[sent: string, got: string]> {
  const node = [process.execPath, '-e'];
  return hashes(from, [...node, tcpSender, address, String(bytes)], to, [...node, tcpReceiver]);
}

/** The same over SCTP, between one address each. */
export async function sctpStream(
  from: string,
  to: string,
  addresses: Readonly<Record<'from' | 'to', string>>,
  bytes: number,
): Promise<[sent: string, got: string]> {
  const python = ['python3', '-u', '-c'];
  const sender = [...python, sctpSender, addresses.to, addresses.from, String(bytes)];
  return hashes(from, sender, to, [...python, sctpReceiver, addresses.to]);
}

/** Why there are no SCTP sockets; undefined: there are. */
export function whyNoSctp(): string | undefined {
  const open = 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)';
  const { status, stderr } = spawnSync('python3', ['-c', open], { encoding: 'utf8' });
  return status === 0 ? undefined : `this kernel has no SCTP: ${stderr.trim().split('\n').at(-1)}`;
}

/** What a sender and a receiver say at last; the receiver says first that it listens. */
async function hashes(
  from: string,
  sender: readonly string[],
  to: string,
  receiver: readonly string[],
): Promise<[sent: string, got: string]> {
  const lines = createInterface(startIn(to, receiver).stdout)[Symbol.asyncIterator]();
  await lines.next(); // listening
  const [sent, got] = await Promise.all([
    createInterface(startIn(from, sender).stdout)[Symbol.asyncIterator]().next(),
    lines.next(),
  ]);
  return [String(sent.value), String(got.value)];
}

/** Sends UDP super-packets (UDP_SEGMENT, as QUIC does) to port 5202; how many datagrams arrived. */
export async function superPackets(
  from: string,
  to: string,
  address: string,
  count: number,
): Promise<number> {
  const server = startIn(to, ['python3', '-u', '-c', udpReceiver]);
  const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
  await lines.next(); // listening
  runIn(from, ['python3', '-c', udpSender, address, String(count)]);
  return Number((await lines.next()).value);
}

/** Captures tunnel packets on an uplink while `traffic` runs. */
export async function capture(
  namespace: string,
  file: string,
  traffic: () => Promise<unknown>,
): Promise<void> {
  const filter = ['udp port 4789 or ip proto 4 or ip proto 41 or ip6 proto 41'];
  const options = ['-i', 'uplink', '--immediate-mode', '-U', '-w', file, '-c', '600'];
  const tcpdump = startIn(namespace, ['tcpdump', ...options, ...filter]);
  const ended = once(tcpdump, 'exit'); // by itself, when it has enough
  for await (const line of createInterface(tcpdump.stderr)) if (/listening/.test(line)) break;
  await traffic();
  tcpdump.kill('SIGINT');
  await ended;
}

/** Watches a device; the call that it gives back ends that and says what was seen, a line for each packet. */
export async function watch(
  namespace: string,
  device: string,
  filter: string,
): Promise<() => Promise<readonly string[]>> {
  const options = ['-nn', '-l', '--immediate-mode', '-i', device, filter];
  const [file, ...args] = inside(namespace, ['tcpdump', ...options]);
  const tcpdump = execa(file, args, { reject: false });
  await untilSaid(tcpdump.stderr, 'listening on');
  return async () => {
    await setTimeout(200); // what is on its way to the capture
    tcpdump.kill('SIGINT');
    return (await tcpdump).stdout.split('\n').filter(Boolean);
  };
}

import { execa } from 'execa';
import type { Endpoint } from '../endpoint.js';
import { inside } from '../namespace.js';
import { pingOnce } from '../ping.js';
import { untilSaid } from '../said.js';
import { namespaceOf, type Lab } from '../state.js';

/** Sends one echo request and gives back the frame as it came out of the sender's node, decoded by tcpdump. */
export async function packetOnWire(lab: Lab, from: Endpoint, to: Endpoint): Promise<string> {
  const [file, ...args] = inside(namespaceOf(lab.name, 'router'), [
    ...['tcpdump', '-i', from.node, '-Q', 'in', '-n', '-t', '-e', '-v', '-c', '1'],
    'icmp or ip proto 4 or udp port 4789',
  ]);
  const capture = execa(file, args, { reject: false, timeout: 5000 });
  await untilSaid(capture.stderr, 'listening on');
  await pingOnce(from, to);
  const { stdout } = await capture;
  return stdout
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
}

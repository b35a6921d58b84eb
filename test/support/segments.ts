import { execFileSync } from 'node:child_process';
import { batchIn, runIn } from './spaces.js';

/**
 * Why a UDP super-packet (UDP_SEGMENT) can't leave by an interface that computes no checksums; undefined: it can.
 * Older kernels answer EIO there. Asked once, of a pair of veth that no program of ours is on.
 */
export function whyNoSegments(): string | undefined {
  answer ??= ask();
  return answer === '' ? undefined : `this kernel refuses UDP_SEGMENT on such an uplink: ${answer}`;
}

/** Whether a device takes UDP super-packets whole, by `ethtool -k`; a veth of 5.10 does not: they are cut before it. */
export function takesSegments(features: string): boolean {
  return features.includes('tx-udp-segmentation: on');
}

let answer: string | undefined;

function ask(): string {
  const namespace = `bp2-${process.pid}-segments`;
  execFileSync('ip', ['netns', 'add', namespace]);
  try {
    batchIn(namespace, [
      'link add plain type veth peer name other',
      'address add 198.51.100.1/24 dev plain',
      'link set plain up',
      'link set other up',
    ]);
    runIn(namespace, ['ethtool', '-K', 'plain', 'tx', 'off']);
    return runIn(namespace, ['python3', '-c', sender, '198.51.100.2']).trim();
  } finally {
    execFileSync('ip', ['netns', 'delete', namespace]);
  }
}

/** Python: two datagrams in one super-packet, to a port where nobody listens. */
const sender = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, 1000)
try:
    s.sendto(bytes(2000), (sys.argv[1], 9))
except OSError as error:
    print(error)
`;

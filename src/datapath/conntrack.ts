import { readFileSync } from 'node:fs';
import { EncapError } from '../errors.js';
import { read } from './sysctl.js';

/** How the host's conntrack is set: what a program must know to tell when it wants to see a packet. */
export interface Conntrack {
  /** net.netfilter.nf_conntrack_tcp_be_liberal: packets that it did not see make no later one invalid. */
  readonly isLiberal: boolean;
  /** Of an established connection, in seconds. */
  readonly tcpSeconds: number;
  /** Of datagrams that are answered, in seconds. */
  readonly udpSeconds: number;
}

/** undefined: nothing tracks connections in this network namespace. */
export function readConntrack(): Conntrack | undefined {
  const [liberal, tcp, udp] = [
    'tcp_be_liberal',
    'tcp_timeout_established',
    'udp_timeout_stream',
  ].map((name) => read(`netfilter/nf_conntrack_${name}`));
  if (liberal === undefined || tcp === undefined || udp === undefined) return undefined;
  return { isLiberal: liberal !== '0', tcpSeconds: Number(tcp), udpSeconds: Number(udp) };
}

/** Whether programs may ask it for a flow: the kernel's function for that is there. */
export function hasFlowLookup(): boolean {
  return readFileSync('/proc/kallsyms', 'latin1').includes(' bpf_skb_ct_lookup');
}

/** Jiffies in a second (CONFIG_HZ): conntrack counts in them. Takes a tenth of a second. */
export function jiffiesPerSecond(file = '/proc/timer_list'): number {
  const before = readTimers(file);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  const after = readTimers(file);
  const rate = (1e9 * (after.jiffies - before.jiffies)) / (after.nanoseconds - before.nanoseconds);
  return rates.reduce((best, one) => (Math.abs(one - rate) < Math.abs(best - rate) ? one : best));
}

/** What kernels are configured with. */
const rates = [100, 250, 300, 1000] as const;

function readTimers(file: string): { readonly jiffies: number; readonly nanoseconds: number } {
  const text = readFileSync(file, 'latin1');
  const number = (pattern: RegExp): number => {
    const [, digits] = pattern.exec(text) ?? [];
    if (digits === undefined)
      throw new EncapError(`cannot use the fast path: ${file} does not say how time goes`, {
        code: 'FEATURE_MISSING',
        why: 'container runtimes hide what is in it',
        hint: 'write fastPath: never, or run the agent as a service of the host',
      });
    return Number(digits);
  };
  return { jiffies: number(/^jiffies: (\d+)/m), nanoseconds: number(/^now at (\d+) nsecs/m) };
}

import { EncapError } from '../../errors.js';
import { familyOf, type Address } from '../../net/address.js';

/** Echo requests: real packets. */
export interface Ping {
  readonly to: Address;
  readonly from?: Address;
  readonly count: number;
  readonly intervalMs: number;
  /** How long to wait for the last answer. */
  readonly waitMs: number;
  /** Of the IP packet, which is not to be fragmented; default: small ones that may. */
  readonly bytes?: number;
}

export interface Pong {
  readonly received: number;
  /** What was said of packets that are too big; `by`: the router; undefined: the kernel remembers one's word. */
  readonly tooBig?: { readonly mtu: number; readonly by: string | undefined };
}

/** Bytes of the IP header and ICMP's: RFC 791 and 792, RFC 8200 and 4443. */
const headerBytes = { ipv4: 28, ipv6: 48 } as const;

/** Sends them with ping(8); FEATURE_MISSING where there is none, KERNEL_REFUSED where it can't send. */
export async function ping({ to, from, count, intervalMs, waitMs, bytes }: Ping): Promise<Pong> {
  const family = familyOf(to);
  const size =
    bytes === undefined ? [] : ['-M', await mode(), '-s', `${bytes - headerBytes[family]}`];
  const words = [
    ...[family === 'ipv4' ? '-4' : '-6', '-n', '-c', `${count}`, '-i', `${intervalMs / 1000}`],
    ...['-W', `${waitMs / 1000}`, ...size, ...(from === undefined ? [] : ['-I', from]), to],
  ];
  const { exitCode, text } = await run(words, count * intervalMs + waitMs + 5000);
  if (/\d+ received/.test(text)) return answerIn(text);
  if (/unreachable/i.test(text)) return { received: 0 }; // no route: it did not even begin
  throw new EncapError(`cannot probe ${to}: ping ended with ${exitCode ?? 'a signal'}`, {
    code: 'KERNEL_REFUSED',
    why: text.trim(),
    hint: `see what it says: ping ${words.join(' ')}`,
  });
}

/**
 * probe goes past what the kernel remembers of a path (IP_PMTUDISC_PROBE); iputils of before 2023 have do alone, which
 * is refused by the kernel for as long as it remembers.
 */
function mode(): Promise<'probe' | 'do'> {
  return (known ??= run(['-4', '-c', '1', '-M', 'probe', '127.0.0.1'], 5000).then(({ text }) =>
    /invalid -M/.test(text) ? 'do' : 'probe',
  ));
}

let known: Promise<'probe' | 'do'> | undefined;

async function run(
  words: readonly string[],
  timeout: number,
): Promise<{ readonly exitCode: number | undefined; readonly text: string }> {
  const { execa } = await import('execa');
  const ended = await execa('ping', words, { reject: false, env: { LC_ALL: 'C' }, timeout });
  if (ended.code === 'ENOENT')
    throw new EncapError('cannot probe: there is no ping on this machine', {
      code: 'FEATURE_MISSING',
      hint: 'apt install iputils-ping',
    });
  return { exitCode: ended.exitCode, text: `${ended.stdout}\n${ended.stderr}` };
}

/** Pure: what ping(8) of iputils said. A router's word comes before the kernel's memory of it. */
export function answerIn(text: string): Pong {
  const received = Number(/(\d+) received/.exec(text)?.[1] ?? '0');
  const said = text.split('\n').filter((line) => /mtu ?[=:] ?\d+/.test(line));
  const line = said.find((one) => one.startsWith('From ')) ?? said[0];
  if (line === undefined) return { received };
  const mtu = Number(/mtu ?[=:] ?(\d+)/.exec(line)?.[1]);
  return { received, tooBig: { mtu, by: /^From (\S+)/.exec(line)?.[1] } };
}

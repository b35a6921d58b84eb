import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inside } from '../../src/lab/namespace.js';
import { root } from './object.js';
import { whyNoSegments } from './segments.js';
import { slowness } from './slowness.js';

/** Packets that were sent, and how many of them came back bit for bit. */
export type Count = readonly [sent: number, back: number];

/** What became of one exchange, by transport. */
export interface Exchange {
  /** Whether the bytes that came back have the SHA-256 of those that were sent. */
  readonly tcp: boolean;
  readonly udp: Count;
  /** Of UDP super-packets (UDP_SEGMENT); refused: the kernel took none, with EIO. */
  readonly segments: Count | 'refused';
  readonly fragments: Count;
  readonly icmp: Count;
  readonly sctp: Count;
}

/** What did not come back, in words; nothing comes of what this kernel refuses wherever it is asked. */
export function lossesOf({ tcp, segments, ...others }: Exchange): string[] {
  const isRefused = segments === 'refused';
  const packets = isRefused ? others : { segments, ...others };
  const short = Object.entries(packets).filter(([, [sent, back]]) => sent !== back);
  return [
    ...(tcp ? [] : ['tcp: other bytes']),
    ...(isRefused && whyNoSegments() === undefined ? ['segments: refused'] : []),
    ...short.map(([name, [sent, back]]) => `${name}: ${back} of ${sent} came back`),
  ];
}

/** A process in a namespace that answers others like it, and sends to them when told (endpoint.py). */
export class Endpoint implements Disposable {
  readonly #process;
  readonly #lines;

  private constructor(namespace: string) {
    const script = join(root, 'test/support/endpoint.py');
    const [file, ...argv] = inside(namespace, ['python3', script, String(slowness)]);
    this.#process = spawn(file, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
    process.once('exit', this.#end);
  }

  static async in(namespace: string): Promise<Endpoint> {
    const endpoint = new Endpoint(namespace);
    await endpoint.#lines.next(); // ready
    return endpoint;
  }

  /** Sends by every transport to another endpoint's address, and back. */
  async exchange(to: string, from: string, bytes: number): Promise<Exchange> {
    this.#process.stdin.write(`${JSON.stringify({ to, from, bytes })}\n`);
    const said = await this.#lines.next();
    if (said.done === true) throw new Error('the endpoint ended early');
    return JSON.parse(said.value) as Exchange;
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#end);
    this.#end();
  }

  readonly #end = (): void => {
    this.#process.kill();
  };
}

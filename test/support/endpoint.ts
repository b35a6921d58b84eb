import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './object.js';

/** Packets that were sent, and how many of them came back bit for bit. */
export type Count = readonly [sent: number, back: number];

/** What became of one exchange, by transport. */
export interface Exchange {
  /** Whether the bytes that came back have the SHA-256 of those that were sent. */
  readonly tcp: boolean;
  readonly udp: Count;
  /** Of a UDP super-packet (UDP_SEGMENT). */
  readonly segments: Count;
  readonly fragments: Count;
  readonly icmp: Count;
  readonly sctp: Count;
}

/** A process in a namespace that answers others like it, and sends to them when told (endpoint.py). */
export class Endpoint implements Disposable {
  readonly #process;
  readonly #lines;

  private constructor(namespace: string) {
    const argv = [
      `--net=/run/netns/${namespace}`,
      'python3',
      join(root, 'test/support/endpoint.py'),
    ];
    this.#process = spawn('nsenter', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
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

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { within } from './slowness.js';

const script = fileURLToPath(new URL('../../../test/support/notify-socket.py', import.meta.url));

/** What a machine without systemd lacks, and has nobody to tell; undefined: nothing. */
export function whyNoManager(): string | undefined {
  return existsSync('/usr/bin/systemd-notify') ? undefined : 'no systemd-notify on this machine';
}

/** A service manager that listens: what it was told, message by message. */
export class NotifySocket implements AsyncDisposable {
  readonly name: string;
  readonly #said: string[] = [];
  readonly #child: ChildProcess;

  private constructor(name: string) {
    this.name = name;
    this.#child = spawn('python3', [script, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    this.#child.stdout?.on('data', (data: Buffer) => {
      const lines = (rest + data.toString()).split('\n');
      rest = lines.pop() ?? '';
      this.#said.push(...lines.map((line) => JSON.parse(line) as string));
    });
  }

  /** `name`: a path, or @ and a name in the abstract namespace. */
  static async open(name: string): Promise<NotifySocket> {
    const socket = new NotifySocket(name);
    await socket.until((message) => message === 'listening');
    return socket;
  }

  /** Messages as they came; the barriers between them tell nothing. */
  get messages(): readonly string[] {
    return this.#said.filter((message) => message !== 'listening' && message !== 'BARRIER=1');
  }

  async until(is: (message: string) => boolean, timeoutMs = 10_000): Promise<string> {
    const deadline = Date.now() + within(timeoutMs);
    for (;;) {
      const found = this.#said.find(is);
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`was never told: ${JSON.stringify(this.#said)}`);
      await sleep(10);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((done) => this.#child.once('close', done));
    this.#child.kill();
    await closed;
  }
}

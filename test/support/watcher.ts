import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from './slowness.js';

/** Where a command runs. */
export interface Place {
  /** Name of a network namespace. */
  readonly namespace: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** A command that goes on until it is ended, on a node: encap trace, capture, top. */
export class Watcher implements Disposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | null>;
  #stdout = '';
  #stderr = '';

  /** `terminal`: its streams are one, a terminal of 80 columns. */
  constructor(
    { namespace, env, cwd }: Place,
    command: readonly string[],
    on: 'pipe' | 'terminal' = 'pipe',
  ) {
    const line = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    this.#child = spawn(
      'nsenter',
      [
        `--net=/run/netns/${namespace}`,
        ...(on === 'pipe'
          ? command
          : ['script', '-qec', `stty cols 80 rows 24; exec ${line}`, '/dev/null']),
      ],
      { env: { ...env, TERM: 'xterm' }, ...(cwd === undefined ? {} : { cwd }), stdio: 'pipe' },
    );
    this.#child.stdout?.on('data', (data: Buffer) => (this.#stdout += data.toString()));
    this.#child.stderr?.on('data', (data: Buffer) => (this.#stderr += data.toString()));
    this.#closed = new Promise((done) => this.#child.once('close', done));
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** Waits until it has said something, on either stream. */
  async until(words: string, timeoutMs = 10_000): Promise<void> {
    for (const began = Date.now(); ;) {
      if (this.#stdout.includes(words) || this.#stderr.includes(words)) return;
      if (Date.now() - began > within(timeoutMs) || this.#child.exitCode !== null)
        throw new Error(`it never said ${words}:\n${this.#stdout}${this.#stderr}`);
      await sleep(10);
    }
  }

  /** Its end, by itself or by Ctrl-C. */
  async end(how: 'by itself' | 'Ctrl-C') {
    // script gives what is typed to the terminal: there 3 is Ctrl-C
    if (how === 'Ctrl-C' && !(this.#child.spawnargs.includes('script') && this.#type('\x03')))
      this.#child.kill('SIGINT');
    const late = sleep(within(15_000), 'late' as const, { ref: false });
    const code = await Promise.race([this.#closed, late]);
    if (code === 'late') throw new Error(`it does not end:\n${this.#stdout}${this.#stderr}`);
    return { code, stdout: this.#stdout, stderr: this.#stderr };
  }

  #type(keys: string): boolean {
    this.#child.stdin?.write(keys);
    return true;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

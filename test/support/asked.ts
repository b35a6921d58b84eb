import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inside } from '../../src/lab/namespace.js';

/** A process in a network namespace that answers each line with a line of JSON; its first says that it is ready. */
export class Asked implements Disposable {
  readonly #process;
  readonly #lines;

  private constructor(namespace: string, argv: readonly string[]) {
    const [file, ...args] = inside(namespace, argv);
    this.#process = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
    process.once('exit', this.#end);
  }

  static async in(namespace: string, ...argv: readonly string[]): Promise<Asked> {
    const asked = new Asked(namespace, argv);
    await asked.#answer();
    return asked;
  }

  async ask(question: string): Promise<unknown> {
    this.#process.stdin.write(`${question}\n`);
    return this.#answer();
  }

  async #answer(): Promise<unknown> {
    const said: IteratorResult<string, undefined> = await this.#lines.next();
    if (said.done === true)
      throw new Error(`${this.#process.spawnargs.slice(3).join(' ')} ended early`);
    return JSON.parse(said.value);
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#end);
    this.#end();
  }

  readonly #end = (): void => {
    this.#process.kill('SIGKILL');
  };
}

import { execFile } from 'node:child_process';
import type { Logger } from 'pino';

/** Variables that a service manager sets. */
export type ServiceEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * systemd's own tool: Node.js has no datagram sockets of the Unix kind, which NOTIFY_SOCKET is. It runs at most a few
 * times a minute, waits until the manager has read the message, and is a process of its own, so the unit needs
 * NotifyAccess=all.
 */
const tool = '/usr/bin/systemd-notify';

/** The manager has half of a second for each message; more is a manager that is gone. */
const patienceMs = 5000;

/** The service manager that started this process (sd_notify(3)): it is told what happens, one message after the other. */
export class Service implements AsyncDisposable {
  /** How often the manager wants a sign of life, milliseconds; undefined: never. */
  readonly watchdogMs: number | undefined;
  readonly #environment: ServiceEnvironment;
  readonly #log: Logger;
  #status = '';
  #failure = '';
  #last: Promise<void> = Promise.resolve();

  private constructor(environment: ServiceEnvironment, log: Logger) {
    this.#environment = environment;
    this.#log = log;
    const { WATCHDOG_USEC: interval, WATCHDOG_PID: pid } = environment;
    const isOurs = pid === undefined || pid === String(process.pid);
    const ms = Number(interval) / 1000;
    this.watchdogMs = isOurs && ms > 0 ? ms : undefined;
  }

  /** undefined where no manager asked to be told. */
  static of(environment: ServiceEnvironment, log: Logger): Service | undefined {
    return (environment.NOTIFY_SOCKET ?? '') === '' ? undefined : new Service(environment, log);
  }

  ready(status: string): void {
    this.#status = status;
    this.#tell('READY=1', `STATUS=${status}`);
  }

  /** Tells a status that is not the last one. */
  status(status: string): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#tell(`STATUS=${status}`);
  }

  alive(): void {
    this.#tell('WATCHDOG=1');
  }

  /** `ready` ends it. */
  reloading(): void {
    this.#tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  /** Tells that the process ends, and waits until all has been told. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#tell('STOPPING=1');
    await this.#last;
  }

  #tell(...message: readonly string[]): void {
    this.#last = this.#last.then(() => this.#run(message));
  }

  #run(message: readonly string[]): Promise<void> {
    return new Promise((done) => {
      const options = { env: { ...this.#environment }, timeout: patienceMs };
      execFile(tool, [...message], options, (failure) => {
        const text = failure?.message ?? '';
        if (text !== '' && text !== this.#failure)
          this.#log.warn(
            { failure: text, hint: `is ${tool} there? The unit needs NotifyAccess=all` },
            'service manager not told',
          );
        this.#failure = text;
        done();
      });
    });
  }
}

import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { LogLevel } from '../../model/log-level.js';
import type { Telemetry as Settings } from '../../model/settings.js';
import type { SocketAddress } from '../../net/socket-address.js';
import { onSignal } from '../signals.js';
import { findings } from './checks.js';
import { liveness, readiness, type Health } from './health.js';
import type { Page, Pages } from './listener.js';
import { Listeners } from './listeners.js';
import { Metrics, type MetricsOptions } from './metrics.js';
import { Service, type ServiceEnvironment } from './service.js';

/** What command line and environment say of how the agent is looked at; they go before the configuration. */
export interface Said {
  readonly metrics: SocketAddress | 'off' | undefined;
  readonly perPeer: boolean | undefined;
  readonly health: SocketAddress | 'off' | undefined;
  readonly logLevel: LogLevel | undefined;
}

/** What a caller knows. */
export interface TelemetryOptions {
  readonly said: Said;
  /** What holds until the first world has been read: a probe may ask before. undefined: nothing. */
  readonly configured: Settings | undefined;
  readonly version: string;
  readonly environment: ServiceEnvironment;
  readonly droppedLines: () => number;
}

/** What the agent shows. */
export interface Shown extends Pick<
  MetricsOptions,
  'vitals' | 'isIntact' | 'attach' | 'hashedBlocks'
> {
  readonly log: Logger;
  /** For how many milliseconds a round has been due. */
  readonly dueMs: () => number;
  /** SIGHUP came: everything is to be read again. */
  readonly reload: () => void;
}

/** All ways in which an agent is looked at from outside: metrics, health, the service manager, log level, signals. */
export class Telemetry implements AsyncDisposable {
  readonly #options: TelemetryOptions;
  readonly #shown: Shown;
  readonly #log: Logger;
  readonly #listeners: Listeners;
  readonly #service: Service | undefined;
  readonly #signals: readonly Disposable[];
  readonly #watchdog: NodeJS.Timeout | undefined;
  #metrics: Metrics | undefined;
  #settings: Settings | undefined;
  #level: LogLevel | undefined;
  #isDebug = false;
  #isReady = false;
  #isReloading = false;
  #work: Promise<void> = Promise.resolve();

  private constructor(options: TelemetryOptions, shown: Shown) {
    const { log, vitals } = shown;
    this.#options = options;
    this.#shown = shown;
    this.#log = log;
    this.#listeners = new Listeners(log);
    this.#service = Service.of(options.environment, log);
    this.#signals = [
      onSignal('SIGHUP', () => this.#reload()),
      onSignal('SIGUSR2', () => this.#toggleDebug()),
    ];
    vitals.onRound(({ hasFailed }) => this.#rounded(hasFailed));
    const { watchdogMs } = this.#service ?? {};
    // systemd's own advice: half of the time that it waits; a third, as a message takes its time too.
    if (watchdogMs !== undefined)
      this.#watchdog = setInterval(() => this.#beat(), watchdogMs / 3).unref();
  }

  /** LISTEN_FAILED where it can't listen as command line or configuration say. */
  static async open(options: TelemetryOptions, shown: Shown): Promise<Telemetry> {
    const telemetry = new Telemetry(options, shown);
    try {
      await telemetry.#listeners.open(await telemetry.#wanted(options.configured));
    } catch (failure) {
      await telemetry[Symbol.asyncDispose]();
      throw failure;
    }
    telemetry.#settings = options.configured;
    telemetry.#setLevel(options.configured);
    return telemetry;
  }

  /** Takes over what the settings say by now. */
  follow({ metrics, health, log }: Settings): void {
    const settings = { metrics, health, log };
    if (isDeepStrictEqual(settings, this.#settings) && !this.#listeners.areMissing) return;
    this.#settings = settings;
    this.#setLevel(settings);
    this.#work = this.#work.then(async () => this.#listeners.bring(await this.#wanted(settings)));
  }

  /** What there should be, by address: both kinds of pages may be at one. */
  async #wanted(settings: Settings | undefined): Promise<ReadonlyMap<SocketAddress, Pages>> {
    const { said } = this.#options;
    const metricsAt = said.metrics ?? settings?.metrics.listen ?? 'off';
    const healthAt = said.health ?? settings?.health.listen ?? 'off';
    const wanted = new Map<SocketAddress, Map<string, () => Page | Promise<Page>>>();
    const put = (where: SocketAddress, path: string, page: () => Page | Promise<Page>): void => {
      const pages = wanted.get(where) ?? new Map<string, () => Page | Promise<Page>>();
      wanted.set(where, pages.set(path, page));
    };
    if (metricsAt !== 'off') {
      const metrics = (this.#metrics ??= await Metrics.open({ ...this.#shown, ...this.#options }));
      metrics.isPerPeer = said.perPeer ?? settings?.metrics.perPeer ?? true;
      put(metricsAt, '/metrics', async () => ({
        status: 200,
        type: metrics.contentType,
        text: await metrics.text(),
      }));
    }
    if (healthAt !== 'off') {
      const { vitals, isIntact, dueMs } = this.#shown;
      put(healthAt, '/healthz', () => pageOf(liveness(dueMs())));
      put(healthAt, '/readyz', () => pageOf(readiness(vitals, isIntact())));
    }
    return wanted;
  }

  #rounded(hasFailed: boolean): void {
    if (this.#service === undefined) return;
    const status = this.#status();
    const isFirst = !this.#isReady && !hasFailed;
    if (isFirst || this.#isReloading) this.#service.ready(status);
    else this.#service.status(status);
    if (isFirst) this.#isReady = true;
    this.#isReloading = false;
  }

  /** `2 pools, 3 peers, 0 errors`. */
  #status(): string {
    const { vitals, isIntact } = this.#shown;
    const { pools = 0, peers = 0 } = vitals.counts ?? {};
    const errors = [...findings(vitals, isIntact()).values()].flat().length;
    return [counted(pools, 'pool'), counted(peers, 'peer'), counted(errors, 'error')].join(', ');
  }

  #beat(): void {
    if (liveness(this.#shown.dueMs()).status === 'ok') this.#service?.alive();
  }

  #reload(): void {
    this.#log.info('reloading: everything is read again');
    // A manager that never heard of readiness is not told of its end.
    if (this.#isReady) this.#service?.reloading();
    this.#isReloading = this.#isReady;
    this.#shown.reload();
  }

  #toggleDebug(): void {
    this.#isDebug = !this.#isDebug;
    this.#setLevel(this.#settings);
  }

  #setLevel(settings: Settings | undefined): void {
    const configured = this.#options.said.logLevel ?? settings?.log.level ?? 'info';
    const level = this.#isDebug ? 'debug' : configured;
    if (level === this.#level) return;
    const before = this.#level;
    this.#level = level;
    this.#log.level = 'info';
    if (before !== undefined) this.#log.info({ before, now: level }, 'log level changed');
    this.#log.level = level;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watchdog);
    for (const signal of this.#signals) signal[Symbol.dispose]();
    await this.#work;
    await this.#listeners[Symbol.asyncDispose]();
    await this.#service?.[Symbol.asyncDispose]();
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function pageOf(health: Health): Page {
  return {
    status: health.status === 'ok' ? 200 : 503,
    type: 'application/json; charset=utf-8',
    text: `${JSON.stringify(health)}\n`,
  };
}

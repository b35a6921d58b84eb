import { once } from 'node:events';
import { Agent as AgentInClear, get as getInClear, type IncomingMessage } from 'node:http';
import { Agent as AgentOverTls, get as getOverTls, type RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import * as z from 'zod';
import { Ending, Late } from './ending.js';
import { framesIn, Garbled } from './frames.js';
import type { Timing } from './timing.js';
import { garbled, nobody, refused, silent, Trouble, unreachable, type Request } from './trouble.js';

/** What to ask: a path below the server's address, and for whom. */
export interface Question {
  readonly verb: 'get' | 'list' | 'watch';
  /** `ipamblocks.crd.projectcalico.org`. */
  readonly what: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
}

/** An open watch: what comes, as many frames at a time as came together. */
export type Frames = AsyncIterable<readonly unknown[]>;

/** A probe of TCP after so long a silence; Linux sends ten more, one a second, and then the connection is dead. */
const keepAliveMs = 15_000;

/** More than any page of a list has. */
const mostBytes = 256 * 1024 * 1024;

/** One cluster's API server. Who we are there, certificates, tokens and proxies are the client library's affair. */
export class Api {
  readonly server: string;
  readonly #config: KubeConfig;
  readonly #timing: Timing;
  readonly #agent: AgentInClear | undefined;

  constructor(config: KubeConfig, timing: Timing, agent?: AgentInClear) {
    this.#config = config;
    this.#timing = timing;
    this.#agent = agent;
    this.server = config.getCurrentCluster()?.server.replace(/\/+$/, '') ?? '';
  }

  /**
   * The same server over one connection, kept from answer to answer: a list has hundreds of pages. Else each question has
   * its own, for one that leads nowhere would be asked again and again. Behind a proxy nothing is kept.
   */
  kept(): Api & Disposable {
    const isBehindProxy = this.#config.getCurrentCluster()?.proxyUrl !== undefined;
    const Agent = this.server.startsWith('https:') ? AgentOverTls : AgentInClear;
    const agent = isBehindProxy ? undefined : new Agent({ keepAlive: true, maxSockets: 1 });
    const kept = new Api(this.#config, this.#timing, agent);
    return Object.assign(kept, { [Symbol.dispose]: () => agent?.destroy() });
  }

  /** The JSON of an answer. Throws Trouble. */
  async get(question: Question, signal: AbortSignal): Promise<unknown> {
    const text = await this.text(question, signal);
    try {
      return JSON.parse(text);
    } catch {
      const begin = JSON.stringify(text.slice(0, 60));
      throw garbled(this.#request(question), `the answer is not JSON: ${begin}`);
    }
  }

  /** The text of an answer, whole and within the time that one may take. Throws Trouble. */
  async text(question: Question, signal: AbortSignal): Promise<string> {
    using deadline = new Ending([signal], this.#timing.answerMs);
    return await this.#asked(question, deadline.signal, textOf);
  }

  /** Opens a watch; the signal ends it. Both the call and the frames throw Trouble. */
  async watch(question: Question, signal: AbortSignal): Promise<Frames> {
    using deadline = new Ending([signal], this.#timing.openMs);
    const body = await this.#asked(question, deadline.signal, (response) => response);
    const end = (): void => void body.destroy();
    signal.addEventListener('abort', end, { once: true });
    body.once('close', () => signal.removeEventListener('abort', end));
    return this.#frames(question, body, signal);
  }

  async *#frames(
    question: Question,
    body: IncomingMessage,
    signal: AbortSignal,
  ): AsyncGenerator<readonly unknown[]> {
    try {
      yield* framesIn(body);
      signal.throwIfAborted();
    } catch (failure) {
      throw this.#trouble(question, signal, failure);
    } finally {
      body.destroy();
    }
  }

  async #asked<Answer>(
    question: Question,
    signal: AbortSignal,
    read: (response: IncomingMessage) => Answer | Promise<Answer>,
  ): Promise<Answer> {
    try {
      const response = await this.#response(question, signal);
      const status = response.statusCode ?? 0;
      if (status === 200) return await read(response);
      const said = saidIn(await textOf(response));
      const restMs = 1000 * Number(response.headers['retry-after'] ?? 0) || 0;
      throw refused(this.#request(question), status, { said, restMs });
    } catch (failure) {
      throw this.#trouble(question, signal, failure);
    }
  }

  async #response({ path, query }: Question, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(this.server + path);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    // For each request anew: tokens and certificates are renewed while we run.
    const options: RequestOptions = {
      headers: { accept: 'application/json', 'user-agent': 'encapd' },
    };
    // A credential plugin may take as long as it likes.
    try {
      await Promise.race([this.#config.applyToHTTPSOptions(options), aborted(signal)]);
    } catch (cause) {
      throw nobody(this.server, cause);
    }
    // Connections with other certificates are not mixed up: they are part of the agent's key.
    if (this.#agent !== undefined) options.agent = this.#agent;
    const request = (url.protocol === 'https:' ? getOverTls : getInClear)(url, options);
    request.setSocketKeepAlive(true, keepAliveMs);
    const end = (): void => void request.destroy(signal.reason as Error);
    signal.addEventListener('abort', end, { once: true });
    request.once('close', () => signal.removeEventListener('abort', end));
    // Errors after the response are the response's own.
    request.on('error', () => undefined);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }

  #trouble(question: Question, signal: AbortSignal, failure: unknown): Trouble {
    const reason: unknown = signal.aborted ? signal.reason : failure;
    const request = this.#request(question);
    if (reason instanceof Trouble) return reason;
    if (reason instanceof Late) return silent(request, reason.ms);
    if (reason instanceof Garbled) return garbled(request, reason.message);
    return unreachable(request, reason);
  }

  #request({ verb, what }: Question): Request {
    return { verb, what, server: this.server };
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(signal.reason as Error);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes > mostBytes) throw new Garbled(`an answer larger than ${mostBytes} bytes`);
  }
  return Buffer.concat(parts).toString('utf8');
}

const statusObject = z.object({ kind: z.literal('Status'), message: z.string() });

/** What the server has to say of a refusal: the message of a Status, else the first line. */
function saidIn(text: string): string {
  try {
    const parsed = statusObject.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data.message;
  } catch {
    // No JSON: some proxy's words.
  }
  return (text.trim().split('\n')[0] ?? '').slice(0, 200);
}

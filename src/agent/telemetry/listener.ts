import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EncapError } from '../../errors.js';
import { partsOf, type SocketAddress } from '../../net/socket-address.js';

/** What a page answers. */
export interface Page {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Pages by path. */
export type Pages = ReadonlyMap<string, () => Page | Promise<Page>>;

/** Enough for a few scrapers and probes; whoever holds connections open keeps no others out for long. */
const most = { connections: 32, requestMs: 5000, headerBytes: 8192 };

/** Serves pages over HTTP, to reading requests alone. */
export class Listener implements AsyncDisposable {
  /** Where it is, with the port that it got. */
  readonly url: string;
  pages: Pages;
  readonly #server: Server;

  private constructor(server: Server, where: SocketAddress, pages: Pages) {
    this.#server = server;
    this.pages = pages;
    const { port } = server.address() as AddressInfo;
    this.url = `http://${where.replace(/\d+$/, String(port))}`;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  /** LISTEN_FAILED where the address is another's, or none of this machine's. */
  static async open(where: SocketAddress, pages: Pages): Promise<Listener> {
    const server = createServer({
      requestTimeout: most.requestMs,
      headersTimeout: most.requestMs,
      keepAliveTimeout: most.requestMs,
      connectionsCheckingInterval: most.requestMs,
      maxHeaderSize: most.headerBytes,
    });
    server.maxConnections = most.connections;
    try {
      await new Promise<void>((done, fail) => {
        server.once('error', fail);
        server.listen(partsOf(where), () => {
          server.off('error', fail);
          done();
        });
      });
    } catch (cause) {
      throw refused(where, cause);
    }
    return new Listener(server, where, pages);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const page = await this.#pageFor(request);
    response.writeHead(page.status, {
      'content-type': page.type,
      'content-length': Buffer.byteLength(page.text),
      'cache-control': 'no-store',
      ...(page.status === 405 ? { allow: 'GET, HEAD' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : page.text);
  }

  async #pageFor({ method, url = '/' }: IncomingMessage): Promise<Page> {
    if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET and HEAD');
    const page = this.pages.get(url.replace(/\?.*/, ''));
    if (page === undefined) return plain(404, `there is: ${[...this.pages.keys()].join(' ')}`);
    try {
      return await page();
    } catch (failure) {
      return plain(500, failure instanceof Error ? failure.message : String(failure));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()));
    this.#server.closeAllConnections();
    await closed;
  }
}

function plain(status: number, text: string): Page {
  return { status, type: 'text/plain; charset=utf-8', text: `${text}\n` };
}

function refused(where: SocketAddress, cause: unknown): EncapError {
  const { code = 'unknown' } = cause as NodeJS.ErrnoException;
  const { port } = partsOf(where);
  const [why, hint] = reasons[code] ?? [String(cause), 'give another address or port'];
  return new EncapError(`cannot listen on ${where}: ${code}`, {
    code: 'LISTEN_FAILED',
    why,
    hint: hint.replace('PORT', String(port)),
    cause,
  });
}

const reasons: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  EADDRINUSE: ['another process listens there', "see which: ss -ltnp 'sport = PORT'"],
  EADDRNOTAVAIL: [
    'no interface of this machine has the address',
    'see which there are: ip address',
  ],
  EACCES: ['ports below 1024 need CAP_NET_BIND_SERVICE', 'give a port of 1024 or more'],
};

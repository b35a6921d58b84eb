import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** An object as the API has it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [member: string]: unknown };
  readonly [member: string]: unknown;
}

/** What was asked. */
export interface Asked {
  readonly path: string;
  /** `ipamblocks`; the last part of the path. */
  readonly plural: string;
  readonly query: URLSearchParams;
  readonly isWatch: boolean;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Happened {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly object: KubeObject;
}

const plurals: Readonly<Record<string, string>> = {
  Node: 'nodes',
  IPPool: 'ippools',
  IPAMBlock: 'ipamblocks',
  FelixConfiguration: 'felixconfigurations',
  Installation: 'installations',
};

/**
 * As much of an API server as a reader sees: discovery, lists in pages, watches from a version on, bookmarks, 410. A script
 * may take its place for any request. What it is to behave like is checked by the ring against a real one.
 */
export class KubeServer implements AsyncDisposable {
  /** Answers in place of the server where it gives true. */
  script: (asked: Asked) => boolean = () => false;
  /** API groups with a version, and what is in them. */
  served: Record<string, readonly string[]> = {
    'crd.projectcalico.org/v1': ['ippools', 'ipamblocks', 'blockaffinities', 'felixconfigurations'],
  };
  /** Watches from before this version are gone. */
  compacted = 0;
  /** `list ipamblocks`, `watch nodes?resourceVersion=17`. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #watches = new Map<ServerResponse, string>();
  #history: (Happened & { readonly plural: string })[] = [];
  #version = 100;
  #port = 0;

  private constructor() {
    this.#server = createServer((request, response) => this.#take(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async open(): Promise<KubeServer> {
    const server = new KubeServer();
    await server.listen();
    return server;
  }

  /** At the port that it had before, if any. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections and refuses new ones. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  /** Resets all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  get version(): number {
    return this.#version;
  }

  /** Creates an object or changes it; watches hear of it. */
  put(object: KubeObject): void {
    const plural = plurals[object.kind] ?? '';
    const there = this.#objects.get(plural) ?? new Map<string, KubeObject>();
    this.#objects.set(plural, there);
    const type = there.has(object.metadata.name) ? 'MODIFIED' : 'ADDED';
    const version = (this.#version += 1);
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    const stored = { ...object, metadata };
    there.set(object.metadata.name, stored);
    this.#tell(plural, { type, version, object: stored });
  }

  remove(kind: string, name: string): void {
    const plural = plurals[kind] ?? '';
    const object = this.#objects.get(plural)?.get(name);
    if (object === undefined) throw new Error(`there is no ${kind} ${name}`);
    this.#objects.get(plural)?.delete(name);
    const version = (this.#version += 1);
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    this.#tell(plural, { type: 'DELETED', version, object: { ...object, metadata } });
  }

  /** The history ends here, as after a compaction; the watches are cut. */
  compact(): void {
    this.compacted = this.#version += 1;
    this.#history = [];
    this.cut();
  }

  /** Another history with smaller versions, as a backup has. */
  restore(version: number): void {
    this.#version = version;
    this.#history = [];
  }

  /** Tells all watches of a kind where the history is. */
  bookmark(plural: string): void {
    this.say(plural, {
      type: 'BOOKMARK',
      object: { metadata: { resourceVersion: String(this.#version) } },
    });
  }

  /** Writes something to the watches of a kind: text and bytes as they are, else a line of JSON. */
  say(plural: string, frame: unknown): void {
    const isRaw = typeof frame === 'string' || Buffer.isBuffer(frame);
    const text = isRaw ? frame : `${JSON.stringify(frame)}\n`;
    for (const [response, of] of this.#watches) if (of === plural) response.write(text);
  }

  watchesOf(plural: string): number {
    return [...this.#watches.values()].filter((one) => one === plural).length;
  }

  /** A kubeconfig that leads here. */
  kubeconfig(t: ExecutionContext): string {
    const folder = mkdtempSync(join(tmpdir(), 'encap-kube-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'kubeconfig');
    const cluster = { server: this.url, 'insecure-skip-tls-verify': true };
    writeFileSync(
      file,
      JSON.stringify({
        clusters: [{ name: 'c', cluster }],
        users: [{ name: 'u', user: { token: 'secret' } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
      { mode: 0o600 },
    );
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.close();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { pathname: path, searchParams: query } = new URL(request.url ?? '', this.url);
    const plural = path.split('/').at(-1) ?? '';
    const isWatch = query.get('watch') === 'true';
    const asked = { path, plural, query, isWatch, request, response };
    const from = isWatch ? `?resourceVersion=${String(query.get('resourceVersion'))}` : '';
    this.asked.push(`${isWatch ? 'watch' : 'get'} ${plural}${from}`);
    if (this.script(asked)) return;
    const body = this.#discovery(path);
    if (body !== undefined) reply(response, 200, body);
    else if (!this.#serves(path)) refuse(response, 404, 'the server could not find the resource');
    else if (isWatch) this.#watch(asked);
    else this.#list(asked);
  }

  #serves(path: string): boolean {
    return (
      path === '/api/v1/nodes' ||
      Object.entries(this.served).some(([group, names]) =>
        names.some((name) => path === `/apis/${group}/${name}`),
      )
    );
  }

  #discovery(path: string): unknown {
    if (path === '/readyz') return 'ok';
    if (path === '/version') return { major: '1' };
    const groups = Object.keys(this.served);
    if (path === '/apis')
      return {
        kind: 'APIGroupList',
        groups: groups.map((groupVersion) => ({ versions: [{ groupVersion }] })),
      };
    const group = groups.find((one) => path === `/apis/${one}`);
    return group && { resources: this.served[group]?.map((name) => ({ name })) };
  }

  #list({ plural, query, path, response }: Asked): void {
    const limit = Number(query.get('limit') ?? Infinity);
    // A continued list is as of the version of its first page: here nothing changes in between.
    const from = Number(query.get('continue') ?? 0);
    const all = [...(this.#objects.get(plural)?.values() ?? [])];
    const items = all.slice(from, from + limit).map(({ kind, apiVersion, ...rest }) =>
      // Kubernetes leaves them out in lists of its own kinds.
      path.startsWith('/api/') ? rest : { kind, apiVersion, ...rest },
    );
    const end = from + limit;
    reply(response, 200, {
      kind: 'List',
      metadata: {
        resourceVersion: String(this.#version),
        ...(end < all.length ? { continue: String(end) } : {}),
      },
      items,
    });
  }

  #watch({ plural, query, response }: Asked): void {
    const from = Number(query.get('resourceVersion'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < this.compacted) {
      const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return;
    }
    this.#watches.set(response, plural);
    response.once('close', () => this.#watches.delete(response));
    for (const one of this.#history)
      if (one.plural === plural && one.version > from) response.write(line(one));
  }

  #tell(plural: string, happened: Happened): void {
    this.#history.push({ ...happened, plural });
    this.say(plural, line(happened));
  }
}

function line({ type, object }: Happened): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** Answers with JSON. */
export function reply(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** Answers as Kubernetes does where it says no. */
export function refuse(
  response: ServerResponse,
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  reply(response, status, { kind: 'Status', status: 'Failure', code: status, message }, headers);
}

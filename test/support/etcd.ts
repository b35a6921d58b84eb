import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { inside } from '../../src/lab/namespace.js';
import { within } from './slowness.js';

/** Where the bootstrap unpacks what must not be installed: a package of etcd would start a service. */
const cache = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'encap/etcd/usr/bin',
);

/** The program; undefined: there is none on this machine. */
export function etcdProgram(): string | undefined {
  return [...(process.env['PATH'] ?? '').split(delimiter), cache]
    .map((folder) => join(folder, 'etcd'))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

export interface EtcdOptions {
  /** Files of certificates: clients need one of `ca`. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** The network namespace that it is in. */
  readonly namespace?: string;
}

/** An etcd of a test's own, on loopback, with its data in a folder that goes with the test. */
export class Etcd {
  readonly endpoint: string;
  readonly port: number;
  readonly #argv: readonly string[];
  readonly #folder: string;
  #process: ChildProcess | undefined;
  #token: string | undefined;

  private constructor(
    t: ExecutionContext,
    [port = 0, peer = 0]: readonly number[],
    options: EtcdOptions,
  ) {
    const { tls, namespace } = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'encap-etcd-'));
    this.port = port;
    this.endpoint = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
    const peers = `http://127.0.0.1:${peer}`;
    const argv = [
      ...['--data-dir', join(this.#folder, 'data')],
      ...['--listen-client-urls', `${this.endpoint},unix://${socket}`],
      ...['--advertise-client-urls', this.endpoint],
      ...['--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers],
      ...['--initial-cluster', `default=${peers}`, '--logger', 'zap', '--log-outputs', 'stderr'],
      ...(tls === undefined
        ? []
        : ['--cert-file', tls.cert, '--key-file', tls.key, '--trusted-ca-file', tls.ca]),
      ...(tls === undefined ? [] : ['--client-cert-auth']),
    ];
    const command = [etcdProgram() ?? 'etcd', ...argv];
    this.#argv = namespace === undefined ? command : inside(namespace, command);
    t.teardown(async () => {
      await this.kill();
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  static async start(t: ExecutionContext, options: EtcdOptions = {}): Promise<Etcd> {
    const etcd = new Etcd(t, await freePorts(2), options);
    await etcd.start();
    return etcd;
  }

  async start(): Promise<void> {
    rmSync(join(this.#folder, socket), { force: true }); // of one that was killed
    const [program = '', ...args] = this.#argv;
    const started = spawn(program, args, {
      cwd: this.#folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = started;
    let said = '';
    started.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const deadline = performance.now() + within(20_000);
    while (!(await this.#isHealthy())) {
      if (started.exitCode !== null || performance.now() > deadline)
        throw new Error(`etcd does not start: ${said.slice(-2000)}`);
      await sleep(50);
    }
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  async kill(): Promise<void> {
    const ending = this.#process;
    this.#process = undefined;
    if (ending === undefined || ending.exitCode !== null) return;
    const ended = once(ending, 'exit');
    ending.kill('SIGKILL');
    await ended;
  }

  /** Another cluster at the same place, without any of the keys. */
  async forget(): Promise<void> {
    await this.kill();
    rmSync(join(this.#folder, 'data'), { recursive: true });
    await this.start();
  }

  /** Its data as they are now. */
  async backup(): Promise<void> {
    await this.kill();
    cpSync(join(this.#folder, 'data'), join(this.#folder, 'backup'), { recursive: true });
    await this.start();
  }

  /** As it was then: the same cluster, with an older history. */
  async restore(): Promise<void> {
    await this.kill();
    rmSync(join(this.#folder, 'data'), { recursive: true });
    cpSync(join(this.#folder, 'backup'), join(this.#folder, 'data'), { recursive: true });
    await this.start();
  }

  async put(key: string, value: string | object): Promise<void> {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    await this.ask('kv/put', { key: base64(key), value: base64(text) });
  }

  async remove(key: string): Promise<void> {
    await this.ask('kv/deleterange', { key: base64(key) });
  }

  /** All keys that begin so. */
  async removeAll(prefix: string): Promise<void> {
    const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
    await this.ask('kv/deleterange', { key: base64(prefix), range_end: base64(end) });
  }

  /** What happened before now can't be asked for any more. */
  async compact(): Promise<void> {
    const { header } = (await this.ask('kv/range', { key: base64('x') })) as {
      readonly header: { readonly revision: string };
    };
    await this.ask('kv/compaction', { revision: header.revision, physical: true });
  }

  /** From now on only these may read, and what they may read. */
  async protect(user: string, password: string, prefix: string): Promise<void> {
    const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
    const permission = { permType: 'READ', key: base64(prefix), range_end: base64(end) };
    await this.ask('auth/role/add', { name: 'root' });
    await this.ask('auth/role/add', { name: 'reader' });
    await this.ask('auth/role/grant', { name: 'reader', perm: permission });
    await this.ask('auth/user/add', { name: 'root', password: 'root' });
    await this.ask('auth/user/grant', { user: 'root', role: 'root' });
    await this.ask('auth/user/add', { name: user, password });
    await this.ask('auth/user/grant', { user, role: 'reader' });
    await this.ask('auth/enable', {});
    const { token } = (await this.ask('auth/authenticate', { name: 'root', password: 'root' })) as {
      readonly token: string;
    };
    this.#token = token;
  }

  /** etcd's own gateway: nothing of what is tested has a part in it. */
  async ask(path: string, body: object): Promise<unknown> {
    const { code, text } = await this.#request(`/v3/${path}`, JSON.stringify(body));
    if (code !== 200) throw new Error(`etcd: ${path}: ${text}`);
    return JSON.parse(text) as unknown;
  }

  async #isHealthy(): Promise<boolean> {
    return this.#request('/health').then(
      ({ code, text }) => code === 200 && text.includes('true'),
      () => false,
    );
  }

  /** Over a socket in its folder: without TLS, and from another namespace too. */
  async #request(
    path: string,
    body?: string,
  ): Promise<{ code?: number | undefined; text: string }> {
    const asked = request({
      socketPath: join(this.#folder, socket),
      path,
      method: body === undefined ? 'GET' : 'POST',
      headers: this.#token === undefined ? {} : { Authorization: this.#token },
      timeout: 5000,
    });
    asked.on('timeout', () => asked.destroy(new Error('etcd does not answer')));
    asked.end(body);
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    let text = '';
    for await (const part of response.setEncoding('utf8')) text += String(part);
    return { code: response.statusCode, text };
  }
}

/** etcd wants a name with a port, and makes a file of that name. */
const socket = 'own:1';

/** A password or key as nobody else may read it. */
export function secretIn(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Ports that nobody had a moment ago; all at once, so that they differ. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : 0;
    }),
  );
  for (const server of servers) server.close();
  return ports;
}

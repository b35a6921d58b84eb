import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { etcdProgram } from './etcd.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** An object as it is sent to the API. */
export interface Sent {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: object;
    readonly annotations?: object;
  };
  readonly [member: string]: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body: { readonly message?: string; readonly [member: string]: unknown };
}

const calicoKinds = ['IPPool', 'IPAMBlock', 'FelixConfiguration'];

interface Programs {
  readonly etcd: string;
  readonly apiServer: string;
}

/** A real kube-apiserver and a real etcd, on the loopback interface and in a folder of its own. */
export class KubeCluster implements AsyncDisposable {
  readonly #programs: Programs;
  readonly #folder: string;
  readonly #processes = new Set<ChildProcess>();
  #etcd = 0;
  #port = 0;
  #server: ChildProcess | undefined;

  private constructor(programs: Programs, folder: string) {
    this.#programs = programs;
    this.#folder = folder;
  }

  /** The first time on a machine it is built, which takes some minutes. */
  static async open(): Promise<KubeCluster> {
    const { stdout, status } = spawnSync(join(root, 'scripts/kube-apiserver'), ['get'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (status !== 0) throw new Error('there is no kube-apiserver, and none could be built');
    const etcd = etcdProgram();
    if (etcd === undefined) throw new Error('there is no etcd: npm run test:k8s brings one');
    const programs = { etcd, apiServer: stdout.trim() };
    const cluster = new KubeCluster(programs, mkdtempSync(join(tmpdir(), 'encap-cluster-')));
    try {
      await cluster.#start();
    } catch (failure) {
      await cluster[Symbol.asyncDispose]();
      throw failure;
    }
    return cluster;
  }

  async #start(): Promise<void> {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    writeFileSync(join(this.#folder, 'accounts.key'), privateKey, { mode: 0o600 });
    writeFileSync(join(this.#folder, 'tokens'), 'admin,admin,1,system:masters\n', { mode: 0o600 });
    const [clients, peers] = [await freePort(), await freePort()];
    this.#etcd = clients;
    this.#run(this.#programs.etcd, [
      `--data-dir=${join(this.#folder, 'etcd')}`,
      `--listen-client-urls=http://127.0.0.1:${clients}`,
      `--advertise-client-urls=http://127.0.0.1:${clients}`,
      `--listen-peer-urls=http://127.0.0.1:${peers}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peers}`,
      `--initial-cluster=default=http://127.0.0.1:${peers}`,
    ]);
    this.#port = await freePort();
    await this.serve();
  }

  /** Starts the API server; gives it back when it is ready. */
  async serve(): Promise<void> {
    this.#server = await this.another(this.#port);
  }

  /** One more API server of this cluster. */
  async another(port: number): Promise<ChildProcess> {
    const server = this.#run(this.#programs.apiServer, [
      `--etcd-servers=http://127.0.0.1:${this.#etcd}`,
      `--secure-port=${port}`,
      '--bind-address=127.0.0.1',
      // It will not be told of a loopback address, and nobody asks it.
      '--advertise-address=192.0.2.1',
      '--endpoint-reconciler-type=none',
      `--cert-dir=${this.#folder}`,
      `--service-account-key-file=${join(this.#folder, 'accounts.key')}`,
      `--service-account-signing-key-file=${join(this.#folder, 'accounts.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--token-auth-file=${join(this.#folder, 'tokens')}`,
      '--authorization-mode=RBAC',
      '--allow-privileged', // as every cluster has it whose network is made of pods
      '--service-cluster-ip-range=10.96.0.0/16',
    ]);
    const end = performance.now() + 60_000;
    for (;;) {
      const answer = await this.call('GET', '/readyz', { port }).catch(() => undefined);
      if (answer?.status === 200) return server;
      if (server.exitCode !== null) throw new Error('kube-apiserver ended');
      if (performance.now() > end) throw new Error('kube-apiserver is not ready after 60 s');
      await sleep(100);
    }
  }

  /** Ends the API server; etcd stays. */
  async kill(): Promise<void> {
    if (this.#server !== undefined) await this.#end(this.#server);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#server?.kill(signal);
  }

  /** Of the API server that is up. */
  get pid(): number {
    return this.#server?.pid ?? 0;
  }

  /** Where its etcd is. */
  get etcd(): string {
    return `http://127.0.0.1:${this.#etcd}`;
  }

  get server(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  /** As the administrator, or whose token it is. */
  async call(
    method: string,
    path: string,
    { body, token = 'admin', port = this.#port, type = 'application/json' }: Call = {},
  ): Promise<Answer> {
    const asked = request({
      host: '127.0.0.1',
      port,
      method,
      path,
      agent: false,
      ca: this.#certificate(),
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(asked, 'response')) as [
      AsyncIterable<Buffer> & { statusCode?: number },
    ];
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part);
    const text = Buffer.concat(parts).toString();
    const isJson = text.startsWith('{');
    const said = isJson ? (JSON.parse(text) as Answer['body']) : { message: text };
    return { status: response.statusCode ?? 0, body: said };
  }

  /** Creates an object. */
  async create(object: Sent, call: Call = {}): Promise<void> {
    const answer = await this.call('POST', pathOf(object), { ...call, body: object });
    if (answer.status !== 201)
      throw new Error(`${object.kind} ${object.metadata.name}: ${String(answer.body.message)}`);
  }

  /** Changes members of an object. */
  async patch(object: Sent, change: object): Promise<void> {
    const path = `${pathOf(object)}/${object.metadata.name}`;
    const type = 'application/merge-patch+json';
    const answer = await this.call('PATCH', path, { body: change, type });
    if (answer.status !== 200) throw new Error(String(answer.body.message));
  }

  /** Creates an object, or puts it in the place of the one that is there. */
  async put(object: Sent): Promise<void> {
    const path = `${pathOf(object)}/${object.metadata.name}`;
    const { status, body } = await this.call('GET', path);
    if (status === 404) return this.create(object);
    const { resourceVersion } = body['metadata'] as { readonly resourceVersion: string };
    const whole = { ...object, metadata: { ...object.metadata, resourceVersion } };
    const answer = await this.call('PUT', path, { body: whole });
    if (answer.status !== 200) throw new Error(String(answer.body.message));
    // What is below status has a path of its own, and of a custom resource it is like the rest.
    if (object.kind !== 'Node' || object['status'] === undefined) return;
    const { status: last } = await this.call('PATCH', `${path}/status`, {
      body: { status: object['status'] },
      type: 'application/merge-patch+json',
    });
    if (last !== 200) throw new Error(`the status of ${object.metadata.name} was refused: ${last}`);
  }

  async delete(object: Sent, call: Call = {}): Promise<void> {
    const answer = await this.call('DELETE', `${pathOf(object)}/${object.metadata.name}`, call);
    if (answer.status !== 200) throw new Error(String(answer.body.message));
  }

  /** Defines Calico's kinds; gives back when they are served. */
  async defineCalico(group: string, version: string): Promise<void> {
    for (const kind of calicoKinds) await this.create(definitionOf(group, version, kind));
    for (const kind of calicoKinds) {
      const path = `/apis/${group}/${version}/${pluralOf(kind)}`;
      const end = performance.now() + 30_000;
      while ((await this.call('GET', path)).status !== 200) {
        if (performance.now() > end) throw new Error(`${path} is not served`);
        await sleep(50);
      }
    }
  }

  /** Takes them away again, with all that is of them. */
  async undefineCalico(group: string, version: string): Promise<void> {
    for (const kind of calicoKinds) await this.delete(definitionOf(group, version, kind));
  }

  /** Creates what is in a manifest of ours. */
  async apply(manifest: string): Promise<readonly Sent[]> {
    const text = readFileSync(join(root, manifest), 'utf8');
    const objects = [...parseAllDocuments(text)].map((one) => one.toJS() as Sent);
    for (const object of objects) await this.create(object);
    return objects;
  }

  /** A token of a service account, as kubelet asks for it. */
  async tokenOf(namespace: string, account: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const answer = await this.call('POST', path, { body });
    const { token } = (answer.body['status'] ?? {}) as { readonly token?: string };
    if (token === undefined) throw new Error(`no token: ${String(answer.body.message)}`);
    return token;
  }

  /** A kubeconfig of whose token it is; `isTrusted`: with the server's certificate. */
  kubeconfig(token: string, isTrusted = true): string {
    const file = join(this.#folder, `kubeconfig-${Math.random().toString(36).slice(2)}`);
    const certificate = this.#certificate().toString('base64');
    const cluster = {
      server: this.server,
      ...(isTrusted ? { 'certificate-authority-data': certificate } : {}),
    };
    writeFileSync(
      file,
      JSON.stringify({
        clusters: [{ name: 'c', cluster }],
        users: [{ name: 'u', user: { token } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
      { mode: 0o600 },
    );
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#processes) await this.#end(one);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #certificate(): Buffer {
    return readFileSync(join(this.#folder, 'apiserver.crt'));
  }

  #run(program: string, args: readonly string[]): ChildProcess {
    const child = spawn(program, args, { stdio: 'ignore' });
    this.#processes.add(child);
    return child;
  }

  async #end(child: ChildProcess): Promise<void> {
    this.#processes.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

interface Call {
  readonly body?: unknown;
  readonly token?: string;
  readonly port?: number;
  readonly type?: string;
}

function pathOf({ apiVersion, kind, metadata: { namespace } }: Sent): string {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${group}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${pluralOf(kind)}`;
}

function pluralOf(kind: string): string {
  return `${kind.toLowerCase()}s`;
}

/** A port that nobody has at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Calico's kinds without their schemas: what is in them is our own checks' affair. */
function definitionOf(group: string, version: string, kind: string): Sent {
  const plural = pluralOf(kind);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      scope: 'Cluster',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          },
        },
      ],
    },
  };
}

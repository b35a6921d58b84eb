import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  status,
} from '@grpc/grpc-js';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { EncapError } from '../../errors.js';
import { openTrusted, type TrustedFile } from '../trusted.js';
import {
  authenticate,
  type Method,
  range,
  type RangeRequest,
  type RangeResponse,
  watch,
  type WatchRequest,
  type WatchResponse,
} from './messages.js';

/** Who may be asked, and as whom. */
export interface Access {
  /** `https://10.0.0.1:2379`. */
  readonly endpoints: readonly string[];
  /** Files in PEM; the servers' authority (left out: those that the machine trusts), our certificate and its key. */
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly user?: string | undefined;
  readonly passwordFile?: string | undefined;
  /** ETCD_PASSWORD; a file is better. */
  readonly password?: string | undefined;
}

/** How long one answer may take, in milliseconds. */
export const answerMs = 10_000;

/**
 * An idle or silent connection is asked for a sign of life; without one it counts as lost. etcd takes offence at more
 * than one ping in 5 s (--grpc-keepalive-min-time).
 */
const keepalive = { timeMs: 10_000, timeoutMs: 5_000 };

/** A connection to one member of an etcd cluster. */
export class Connection implements Disposable {
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #signal: AbortSignal;

  private constructor(client: Client, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /** Files are read each time: certificates and passwords are exchanged while we run. The signal ends what is asked. */
  static async open(endpoint: string, access: Access, signal: AbortSignal): Promise<Connection> {
    const url = new URL(endpoint);
    // URL leaves out the ports that are usual for its scheme.
    const port = url.port === '' ? { 'http:': 80, 'https:': 443 }[url.protocol] : url.port;
    const client = new Client(
      `dns:${url.hostname}:${String(port)}`,
      await credentialsOf(url, access),
      {
        ...(isAddress(url) ? { 'grpc.ssl_target_name_override': nobodysName } : {}),
        'grpc.keepalive_time_ms': keepalive.timeMs,
        'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
        'grpc.keepalive_permit_without_calls': 1,
        'grpc.max_receive_message_length': -1,
        // Each connection is one attempt, and whoever asked for it decides when there is another.
        'grpc.use_local_subchannel_pool': 1,
        'grpc.enable_retries': 0,
        'grpc.enable_http_proxy': 0,
      },
    );
    const connection = new Connection(client, signal);
    try {
      await connection.#logIn(access);
      return connection;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  range(request: RangeRequest): Promise<RangeResponse> {
    return this.#call(range, request);
  }

  /** Ends with an error when its member has lost the others: it would be silent, and late. */
  watch(): ClientDuplexStream<WatchRequest, WatchResponse> {
    const metadata = this.#metadata.clone();
    metadata.set('hasleader', 'true');
    return this.#client.makeBidiStreamRequest(watch.path, watch.write, watch.read, metadata);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #logIn({ user, passwordFile, password }: Access): Promise<void> {
    if (user === undefined) return;
    const secret = passwordFile === undefined ? (password ?? '') : await readPassword(passwordFile);
    try {
      const { token } = await this.#call(authenticate, { name: user, password: secret });
      this.#metadata.set('token', token);
    } catch (error) {
      // A cluster that asks nobody for a password lets everybody in.
      if (!isWithoutAuth(error)) throw error;
    }
  }

  #call<Request, Response>(
    { path, write, read }: Method<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const options = { deadline: Date.now() + answerMs };
    return new Promise((resolve, reject) => {
      const cancel = (): void => call.cancel();
      const call = this.#client.makeUnaryRequest(
        path,
        write,
        read,
        request,
        this.#metadata,
        options,
        (error, response) => {
          this.#signal.removeEventListener('abort', cancel);
          if (error !== null) reject(error);
          else if (response === undefined) reject(new Error(`${path}: no answer`));
          else resolve(response);
        },
      );
      this.#signal.addEventListener('abort', cancel);
    });
  }
}

function isWithoutAuth(error: unknown): boolean {
  const { code, details } = error as { readonly code?: number; readonly details?: string };
  return code === status.FAILED_PRECONDITION && /not enabled/.test(details ?? '');
}

/** TLS asks for a server by its name, and by no address (RFC 6066 section 3). */
const nobodysName = 'etcd';

function isAddress({ hostname }: URL): boolean {
  return isIP(addressIn(hostname)) !== 0;
}

/** IPv6 stands in brackets. */
function addressIn(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

async function credentialsOf(
  { protocol, hostname }: URL,
  { caFile, certFile, keyFile }: Access,
): Promise<ChannelCredentials> {
  if (protocol === 'http:') return credentials.createInsecure();
  const [ca, cert, key] = await Promise.all([
    read(caFile, 'certificate authority', 'certificate'),
    read(certFile, 'certificate', 'certificate'),
    read(keyFile, 'key', 'secret'),
  ]);
  try {
    // Whatever name it was asked by, its certificate must be that of the endpoint.
    return credentials.createSsl(ca, key, cert, {
      checkServerIdentity: (_, certificate) =>
        checkServerIdentity(addressIn(hostname), certificate),
    });
  } catch (cause) {
    const files = [caFile, certFile, keyFile].filter((file) => file !== undefined).join(', ');
    throw new EncapError(
      `cannot use the certificates for etcd: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        code: 'CONFIG_INVALID',
        why: `read from ${files}`,
        hint: 'they must be PEM, and the key must be that of the certificate: openssl x509 -noout -text -in FILE',
        cause,
      },
    );
  }
}

async function read(
  path: string | undefined,
  noun: string,
  kind: TrustedFile['kind'],
): Promise<Buffer | null> {
  return path === undefined ? null : readWhole({ path, noun, kind });
}

async function readPassword(path: string): Promise<string> {
  const text = await readWhole({ path, noun: 'password', kind: 'secret' });
  return text.toString('utf8').replace(/\r?\n$/, '');
}

async function readWhole(file: TrustedFile): Promise<Buffer> {
  await using handle = await openTrusted(file);
  return await handle.readFile();
}

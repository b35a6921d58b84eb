import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

/** A wire on loopback that can be cut, or swallow what is put into it. */
export class TcpProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #mode: 'open' | 'cut' | 'hole' = 'open';

  private constructor(target: number) {
    this.#server = createServer((near) => {
      this.#hold(near);
      if (this.#mode === 'cut') near.resetAndDestroy();
      if (this.#mode !== 'open') return;
      const far = connect(target, '127.0.0.1');
      this.#hold(far);
      near.on('data', (bytes) => this.#pass(far, bytes)).on('close', () => this.#end(far));
      far.on('data', (bytes) => this.#pass(near, bytes)).on('close', () => this.#end(near));
    });
  }

  static async to(t: ExecutionContext, port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    t.teardown(() => {
      for (const socket of proxy.#sockets) socket.destroy();
      proxy.#server.close();
    });
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Connections are reset, and new ones too. */
  cut(): void {
    this.#mode = 'cut';
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Connections stay, and nothing comes through. */
  swallow(): void {
    this.#mode = 'hole';
  }

  heal(): void {
    this.#mode = 'open';
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
  }

  #pass(to: Socket, bytes: Buffer): void {
    if (this.#mode === 'open') to.write(bytes);
  }

  /** In a hole nobody hears that the other side hung up. */
  #end(other: Socket): void {
    if (this.#mode !== 'hole') other.destroy();
  }
}

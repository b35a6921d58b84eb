import { connect } from 'node:net';
import type { Address } from '../../net/address.js';

/** answered: the connection was taken or refused, so a segment of each side arrived whole; silent: nothing came back. */
export type TcpAnswer = 'answered' | 'silent' | 'unreachable';

/** A port that nobody listens on, as a rule (discard, RFC 863): being refused is answer enough. */
const port = 9;

/** Opens a connection, and drops it. Waits for one repetition of the SYN (RFC 6298: after a second). */
export function tcpAnswer(to: Address, from: Address, waitMs = 1400): Promise<TcpAnswer> {
  return new Promise((done) => {
    const socket = connect({ host: to, port, localAddress: from });
    const finish = (answer: TcpAnswer): void => {
      socket.destroy();
      done(answer);
    };
    socket.setTimeout(waitMs, () => finish('silent'));
    socket.on('connect', () => finish('answered'));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      finish(error.code === 'ECONNREFUSED' ? 'answered' : 'unreachable'),
    );
  });
}

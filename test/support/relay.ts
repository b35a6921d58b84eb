import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { untilSaid } from '../../src/lab/said.js';
import { startIn } from './spaces.js';

/** Listens on loopback in its namespace; a socket in the file system leads out of it. */
const near = `
  const net = require('node:net');
  net.createServer((one) => {
    const other = net.connect(process.argv[1]);
    one.pipe(other).pipe(one);
    for (const [a, b] of [[one, other], [other, one]])
      a.on('error', () => b.destroy()).on('close', () => b.destroy());
  }).listen(Number(process.argv[2]), '127.0.0.1', () => console.error('listening'));
`;

/** Makes a port on this machine's loopback one on the loopback of a namespace too, for as long as the test lasts. */
export async function relay(
  t: ExecutionContext,
  {
    namespace,
    port,
    folder,
  }: { readonly namespace: string; readonly port: number; readonly folder: string },
): Promise<void> {
  const path = join(folder, `${namespace}.sock`);
  const server = createServer((one) => {
    const other = connect(port, '127.0.0.1');
    one.pipe(other).pipe(one);
    one.on('error', () => other.destroy()).on('close', () => other.destroy());
    other.on('error', () => one.destroy()).on('close', () => one.destroy());
  }).listen(path);
  await once(server, 'listening');
  const child = startIn(namespace, [process.execPath, '-e', near, path, String(port)]);
  t.teardown(() => {
    child.kill();
    server.close();
  });
  await untilSaid(child.stderr, 'listening');
}

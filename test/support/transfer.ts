import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

// A process of its own, run inside a namespace: real traffic whose every byte and packet is accounted for.
//   tcp-serve PORT                           answers each connection with the SHA-256 of what it sent
//   tcp-send ADDRESS PORT STREAMS BYTES      → {"streams","good"}
//   udp-receive PORT MS                      → {"received","distinct"}
//   udp-send ADDRESS PORT PACKETS PERMS      → {"sent"}; 64 bytes each, PERMS in each millisecond

const [verb = '', first = '', ...rest] = process.argv.slice(2);
const [second = 0, third = 0, fourth = 0] = rest.map(Number);
const verbs: Readonly<Record<string, () => Promise<unknown>>> = {
  'tcp-serve': () => tcpServe(Number(first)),
  'tcp-send': async () => print(await tcpSend(first, second, third, fourth)),
  'udp-receive': async () => print(await udpReceive(Number(first), second)),
  'udp-send': async () => print(await udpSend(first, second, third, fourth)),
};
const run = verbs[verb];
if (run === undefined) throw new TypeError(`unknown verb: ${verb}`);
await run();

async function tcpServe(port: number): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256');
    socket.on('data', (chunk: Buffer) => hash.update(chunk));
    socket.on('end', () => socket.end(hash.digest()));
    socket.on('error', () => socket.destroy()); // the client counts it as a stream that is not good
  });
  server.listen({ port, backlog: 4096 }, () => process.stdout.write('listening\n'));
  await new Promise((resolve) => server.once('close', resolve));
}

/** All streams open before the first byte is sent. */
async function tcpSend(
  address: string,
  port: number,
  streams: number,
  bytes: number,
): Promise<{ streams: number; good: number }> {
  const data = randomBytes(bytes);
  const expected = createHash('sha256').update(data).digest();
  const sockets = await Promise.all(
    Array.from({ length: streams }, () => connected(address, port)),
  );
  const answers = await Promise.all(
    sockets.map(async (socket) => (socket === undefined ? undefined : exchange(socket, data))),
  );
  return { streams, good: answers.filter((answer) => answer?.equals(expected) === true).length };
}

async function connected(host: string, port: number): Promise<Socket | undefined> {
  const socket = connect({ host, port, allowHalfOpen: true });
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

async function exchange(socket: Socket, data: Buffer): Promise<Buffer> {
  const answer: Buffer[] = [];
  socket.end(data);
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => answer.push(chunk));
    socket.once('close', () => resolve(Buffer.concat(answer)));
    socket.once('error', () => resolve(Buffer.alloc(0)));
  });
}

async function udpReceive(
  port: number,
  ms: number,
): Promise<{ received: number; distinct: number }> {
  const socket = createSocket('udp4');
  const numbers = new Set<number>();
  let received = 0;
  socket.on('message', (message) => {
    received += 1;
    numbers.add(message.readUInt32BE(0));
  });
  await new Promise<void>((resolve) => socket.bind(port, resolve));
  socket.setRecvBufferSize(16 * 1024 * 1024);
  process.stdout.write('listening\n');
  await sleep(ms);
  socket.close();
  return { received, distinct: numbers.size };
}

/** Paced: a flood that starves the receiver of its CPU would say nothing about the datapath. */
async function udpSend(
  address: string,
  port: number,
  packets: number,
  perMs: number,
): Promise<{ sent: number }> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.connect(port, address, resolve));
  let sent = 0;
  const started = performance.now();
  const send = async (): Promise<void> => {
    const packet = Buffer.alloc(64);
    packet.writeUInt32BE(sent);
    sent += 1;
    return new Promise((resolve, reject) => {
      socket.send(packet, (error) => {
        // A drop by the egress program comes back to a local sender as ENOBUFS; a workload never sees it.
        if (error === null) resolve();
        else reject(error);
      });
    });
  };
  while (sent < packets) {
    const due = Math.min(packets, Math.ceil((performance.now() - started) * perMs));
    const batch = Array.from({ length: Math.max(0, due - sent) }, send);
    await Promise.all(batch);
    await sleep(1);
  }
  socket.close();
  return { sent };
}

function print(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

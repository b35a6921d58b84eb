import { connect, createServer } from 'node:net';

// A process of its own at each end: `serve ADDRESS` closes whatever connects; `FROM TO SECONDS` connects again and
// again and says how often that came to an end.

const port = 11112;
const atATime = 16;
const [what = '', address = '', howLong] = process.argv.slice(2);

if (what === 'serve') serve();
else count(what, Number(howLong));

function serve(): void {
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // the client's counts
    socket.end();
  });
  server.listen(port, address, () => process.stdout.write('ready\n'));
}

function count(localAddress: string, seconds: number): void {
  const began = performance.now();
  const until = began + seconds * 1000;
  let connections = 0;
  let open = 0;
  const again = (): void => {
    if (performance.now() < until) one();
    else if (open === 0)
      process.stdout.write(
        JSON.stringify({ connections, seconds: (performance.now() - began) / 1000 }),
      );
  };
  const one = (): void => {
    open += 1;
    const socket = connect({ host: address, port, localAddress });
    socket.resume();
    socket.once('end', () => (connections += 1));
    socket.once('error', (error) => {
      throw error;
    });
    socket.once('close', () => {
      open -= 1;
      again();
    });
  };
  for (let started = 0; started < atATime; started += 1) one();
}

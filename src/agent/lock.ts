import { createHash } from 'node:crypto';
import { connect, createServer, type Server } from 'node:net';
import { resolve } from 'node:path';
import { EncapError } from '../errors.js';

/** How long the holder of the lock may take to say who it is. */
const answerMs = 1000;
/** The same, for an agent that cannot start: one of several that start at once may be busy loading its programs. */
const patientMs = 10_000;

/**
 * Makes this process the only agent of a run folder. The lock is a name in the kernel (an abstract Unix socket): it
 * ends with the process, however that ends, and leaves no file that could be stale.
 */
export async function lock(run: string): Promise<AsyncDisposable> {
  const server = createServer((asker) => asker.end(String(process.pid)));
  try {
    await listen(server, nameOf(run));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    const pid = await holder(run, patientMs);
    throw new EncapError(
      `cannot start: an agent is running${pid === undefined ? '' : ` (pid ${pid})`}`,
      {
        code: 'AGENT_RUNNING',
        why: `it uses ${run}`,
        hint: 'stop it first, or give this one folders of its own (ENCAP_RUN_DIR, ENCAP_BPFFS)',
        cause,
      },
    );
  }
  server.unref();
  return {
    [Symbol.asyncDispose]: () => new Promise<void>((done) => server.close(() => done())),
  };
}

/** Process id of the agent that holds a run folder; undefined when none does, or none says so in time. */
export function holder(run: string, withinMs = answerMs): Promise<number | undefined> {
  return new Promise((done) => {
    let text = '';
    const socket = connect(nameOf(run));
    const finish = (): void => {
      socket.destroy();
      done(/^\d+$/.test(text) ? Number(text) : undefined);
    };
    socket.setTimeout(withinMs, finish);
    socket.on('data', (data) => (text += data.toString()));
    socket.on('close', finish);
    socket.on('error', finish); // nobody listens: nobody holds it
  });
}

function nameOf(run: string): string {
  return `\0encap-agent-${createHash('sha256').update(resolve(run)).digest('hex').slice(0, 32)}`;
}

function listen(server: Server, name: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(name, () => {
      server.off('error', fail);
      done();
    });
  });
}

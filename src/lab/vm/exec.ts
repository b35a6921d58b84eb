import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EncapError } from '../../errors.js';
import { inside } from '../namespace.js';
import { namespaceOf } from '../state.js';
import { quote } from './script.js';
import { findVmLab, vmFolder, type VmLab } from './state.js';

/**
 * Runs a command in a guest or in a workload there, what it prints comes to `out`; gives back its exit code. Stdout
 * and stderr are one stream, there is no stdin, and without anybody who waits for it the command ends.
 */
export async function execInGuest(
  where: string,
  command: readonly string[],
  name?: string,
  out: (chunk: Buffer) => void = (chunk) => process.stdout.write(chunk),
): Promise<number> {
  const lab = findVmLab(name);
  const { guest, words } = placed(lab, where, command);
  const folder = vmFolder(lab.name, guest);
  const port = await take(folder, guest);
  try {
    return await ask(port.socket, words.map(quote).join(' '), out);
  } finally {
    port.release();
  }
}

/** Which guest, and the words for it. */
function placed(
  lab: VmLab,
  where: string,
  command: readonly string[],
): { readonly guest: string; readonly words: readonly string[] } {
  for (const { name, workloads } of lab.guests) {
    if (name === where) return { guest: name, words: command };
    if (workloads.some((workload) => workload.name === where))
      return {
        guest: name,
        words: inside(namespaceOf(lab.name, `${name}-${where}`), command),
      };
  }
  const all = lab.guests.flatMap(({ name, workloads }) => [name, ...workloads.map((w) => w.name)]);
  throw new EncapError(`cannot find ${where} in the lab of guests ${lab.name}`, {
    code: 'USAGE',
    hint: `it has ${all.join(', ')}`,
  });
}

interface Port {
  readonly socket: string;
  readonly release: () => void;
}

/**
 * A port that nobody uses: QEMU speaks with one of us at a time, and lets others wait without a word. It is taken by
 * giving its socket another name, with our process in it.
 */
async function take(folder: string, guest: string, patienceMs = 10_000): Promise<Port> {
  for (let waited = 0; waited < patienceMs; waited += 100) {
    for (const file of existsSync(folder) ? readdirSync(folder).sort() : []) {
      const [, name, owner] = /^(exec\d)\.sock(?:\.(\d+))?$/.exec(file) ?? [];
      if (name === undefined || (owner !== undefined && existsSync(`/proc/${owner}`))) continue;
      const free = join(folder, `${name}.sock`);
      const socket = `${free}.${process.pid}`;
      try {
        renameSync(join(folder, file), socket);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue; // another was faster
        throw error;
      }
      return {
        socket,
        release: () => {
          renameSync(socket, free);
        },
      };
    }
    await sleep(100);
  }
  throw new EncapError(`cannot run a command in the guest ${guest}: no port is free`, {
    code: 'LAB_FAILED',
    hint: 'is the guest up (encap lab vm status)? It runs four commands at once',
  });
}

/** Sends one command and reads its answer to the end. */
async function ask(path: string, command: string, out: (chunk: Buffer) => void): Promise<number> {
  const nonce = randomUUID();
  const socket = connect(path);
  const answer = reader(nonce, out);
  try {
    return await new Promise<number>((resolve, reject) => {
      socket.on('error', (cause) => {
        reject(lost(cause.message));
      });
      socket.on('close', () => {
        reject(lost('the guest ended'));
      });
      socket.on('data', (chunk) => {
        const status = answer(chunk);
        if (status !== undefined) resolve(status);
      });
      socket.write(`${nonce} ${Buffer.from(command).toString('base64')}\n`);
    });
  } finally {
    close(socket);
  }
}

function close(socket: Socket): void {
  socket.removeAllListeners('close');
  socket.destroy();
}

function lost(why: string): EncapError {
  return new EncapError(`cannot run a command in a guest: ${why}`, {
    code: 'LAB_FAILED',
    hint: 'encap lab vm status; the guest’s log is in the folder that it names',
  });
}

/**
 * What stands between `begin NONCE` and `end NONCE STATUS` is passed on, all but what may be the beginning of the
 * end; gives back the status once it is there.
 */
export function reader(
  nonce: string,
  out: (chunk: Buffer) => void,
): (chunk: Buffer) => number | undefined {
  const begin = Buffer.from(`begin ${nonce}\n`);
  const end = Buffer.from(`\nend ${nonce} `);
  let begun = false;
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    if (!begun) {
      const at = held.indexOf(begin);
      if (at === -1) return undefined;
      begun = true;
      held = held.subarray(at + begin.length);
    }
    const at = held.indexOf(end);
    const ready = at === -1 ? Math.max(0, held.length - end.length) : at;
    if (ready > 0) out(held.subarray(0, ready));
    held = held.subarray(ready);
    const [, status] = /^\nend \S+ (\d+)\n/.exec(held.toString('latin1')) ?? [];
    return at === -1 || status === undefined ? undefined : Number(status);
  };
}

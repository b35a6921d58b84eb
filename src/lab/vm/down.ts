import { setTimeout as sleep } from 'node:timers/promises';
import { EncapError } from '../../errors.js';
import { isAlive } from '../agent.js';
import { session, sessionOf } from './session.js';
import { findVmLab, forgetVmLab, type Guest } from './state.js';

/** What `down` ended. */
export interface VmRemoved {
  readonly name: string;
  readonly guests: number;
}

/** Ends a lab's guests and checks that none of their processes is left. */
export async function downVm(name?: string): Promise<VmRemoved> {
  const lab = findVmLab(name);
  const running = lab.guests.filter(
    (guest) => guest.process !== undefined && isAlive(guest.process),
  );
  await Promise.all(running.map(end));
  forgetVmLab(lab.name);
  return { name: lab.name, guests: running.length };
}

/** vmtest ends its QEMU and what shares the files; what does not go is killed. */
async function end({ name, process: guest }: Guest): Promise<void> {
  if (guest === undefined) return;
  let left = session(guest.pid);
  signal([guest.pid], 'SIGTERM');
  for (let waited = 0; left.length > 0 && waited < 10_000; waited += 50) {
    await sleep(50);
    if (waited === 5000) signal(left, 'SIGKILL');
    left = left.filter((pid) => sessionOf(pid) === guest.pid);
  }
  if (left.length > 0)
    throw new EncapError(`cannot end the guest ${name}: processes ${left.join(', ')} are left`, {
      code: 'LAB_FAILED',
      hint: 'encap lab vm down again; what are they? ps -fp PID',
    });
}

function signal(pids: readonly number[], name: 'SIGTERM' | 'SIGKILL'): void {
  for (const pid of pids)
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it went by itself
    }
}

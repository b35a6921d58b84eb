import type { Failure } from './failure.js';
import type { Kernel } from './kernel-answer.js';

/** In place of a kernel that can't be asked: why. */
export function unasked(why: string): Kernel {
  return { answer: () => ({ asked: false, why }), [Symbol.dispose]: () => undefined };
}

/** The failure to open a datapath, as a reason. */
export function reasonIn({
  code,
  message,
  why,
}: Pick<Failure, 'code' | 'message' | 'why'>): string {
  if (code === 'DATAPATH_ABSENT' && why !== undefined) return why;
  return message.replace(/^cannot ask the kernel[^:]*: /, '').replace(/^cannot /, 'could not ');
}

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';

/** What may be limited: bytes of memory, microseconds of CPU in each 100 ms. */
export type Limited = 'memory' | 'cpu';

/** A control group of its own with a limit, of either version; gone when it is disposed of. */
export class Cgroup implements Disposable {
  readonly #folder: string;

  constructor(kind: Limited, limit: number) {
    this.#folder = join(isUnified() ? root : join(root, kind), `encapd-test-${process.pid}`);
    mkdirSync(this.#folder);
    const write = (name: string, text: string): void =>
      writeFileSync(join(this.#folder, name), text);
    if (isUnified())
      if (kind === 'memory') {
        write('memory.max', String(limit));
        write('memory.swap.max', '0');
      } else write('cpu.max', `${limit} 100000`);
    else if (kind === 'memory') write('memory.limit_in_bytes', String(limit));
    else write('cpu.cfs_quota_us', String(limit));
  }

  /** Words before a command that runs in it. */
  get by(): readonly string[] {
    return ['sh', '-c', `echo $$ > ${this.#folder}/cgroup.procs; exec "$@"`, 'sh'];
  }

  /** Takes a process in, with all its threads. */
  take(pid: number): void {
    writeFileSync(join(this.#folder, 'cgroup.procs'), String(pid));
  }

  [Symbol.dispose](): void {
    rmdirSync(this.#folder);
  }
}

/** Why there can be none; undefined: there can. */
export function whyNoCgroup(kind: Limited): string | undefined {
  if (process.getuid?.() !== 0) return 'control groups need root';
  if (!isUnified())
    return existsSync(join(root, kind, 'cgroup.procs'))
      ? undefined
      : `no ${kind} controller on this machine`;
  const controllers = readFileSync(join(root, 'cgroup.subtree_control'), 'utf8').split(/\s+/);
  return controllers.includes(kind)
    ? undefined
    : `no ${kind} controller for groups on this machine`;
}

function isUnified(): boolean {
  return existsSync(join(root, 'cgroup.controllers'));
}

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../../../test/support/failing-calls.c', import.meta.url));

/** struct control of failing-calls.c, in bytes. */
const sizeBytes = 128;
const offsets = { at: 0, error: 4, paused: 8, count: 12, failed: 16, what: 20 } as const;

/** What became of the calls that were counted. */
export interface Counted {
  readonly count: number;
  /** Which call failed; undefined: none did. */
  readonly failed: string | undefined;
}

/** A process in which one call to the kernel fails: bpf(2), netlink, files of some folders. */
export class FailingCalls {
  readonly #control: string;
  readonly #library: string;

  /** Compiles the library; `folder` takes it and the file that both sides share. */
  constructor(folder: string) {
    this.#control = join(folder, 'failing-calls');
    this.#library = join(folder, 'failing-calls.so');
    const flags = ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror'];
    execFileSync('cc', [...flags, '-o', this.#library, source]);
  }

  /**
   * Variables for a process whose call number `at` fails with this errno, and 0 kills it; `at` 0: none does. For the
   * command line of env(1), as no other process may have them.
   */
  variables(at: number, errno: number, folders: readonly string[]): readonly string[] {
    const control = Buffer.alloc(sizeBytes);
    control.writeUInt32LE(at, offsets.at);
    control.writeInt32LE(errno, offsets.error);
    writeFileSync(this.#control, control);
    return [
      `LD_PRELOAD=${this.#library}`,
      `ENCAP_FAILING_CONTROL=${this.#control}`,
      `ENCAP_FAILING_PATHS=${folders.join(':')}`,
    ];
  }

  /** Of the last process. */
  get counted(): Counted {
    const control = readFileSync(this.#control);
    const what = control.subarray(offsets.what).toString();
    return {
      count: control.readUInt32LE(offsets.count),
      failed:
        control.readUInt32LE(offsets.failed) === 0 ? undefined : what.slice(0, what.indexOf('\0')),
    };
  }
}

/** Looks around from within such a process; what it calls meanwhile is neither counted nor fails. */
export function uncounted<Result>(look: () => Result): Result {
  const control = process.env['ENCAP_FAILING_CONTROL'];
  if (control === undefined) return look();
  const pause = (is: 0 | 1): void => {
    const fd = openSync(control, 'r+');
    writeSync(fd, Uint8Array.of(is, 0, 0, 0), 0, 4, offsets.paused);
    closeSync(fd);
  };
  pause(1);
  try {
    return look();
  } finally {
    pause(0);
  }
}

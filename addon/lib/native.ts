import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BpfError, NetlinkError } from './error.js';
import type { KernelFailure } from './error.js';

/** What the native half exports. Each part declares its own functions by merging into this interface. */
export interface Native {
  initialize(
    bpfError: new (failure: KernelFailure) => Error,
    netlinkError: new (failure: KernelFailure) => Error,
  ): void;
}

/** The native half, loaded once for each thread. */
export const native: Native = load();

function load(): Native {
  const path = locate(packageFolder());
  const loaded = createRequire(import.meta.url)(path) as Native;
  loaded.initialize(BpfError, NetlinkError);
  return loaded;
}

/** From lib/ and from dist/lib/ alike. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'CMakeLists.txt')) && folder !== dirname(folder)) {
    folder = dirname(folder);
  }
  return folder;
}

function locate(folder: string): string {
  const chosen = process.env['LIBBPF_TS_NATIVE'];
  const candidates =
    chosen === undefined
      ? [
          join(folder, 'build/Release/libbpf_ts.node'),
          join(folder, `prebuilds/${process.platform}-${process.arch}/libbpf_ts.node`),
        ]
      : [chosen];
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error(
    `cannot load libbpf-ts: its native half is not built (looked for ${candidates.join(' and ')}). Build it:\n` +
      '  sudo apt-get install libbpf-dev libmnl-dev pkg-config g++ make cmake\n' +
      '  npm run build -w addon',
  );
}

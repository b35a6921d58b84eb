import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A clang that can be used, or why there is none. */
export type Compiler =
  | { readonly kind: 'found'; readonly file: string; readonly version: string }
  | { readonly kind: 'missing'; readonly why: string };

/** Debian 12's; older ones don't write the BTF that the loader checks. */
export const oldestClang = 14;

/** `clang` where it is new enough, else the newest `clang-NN` on the path. */
export function findClang(path: string): Compiler {
  const candidates = [...namesOn(path, /^clang$/), ...byVersion(namesOn(path, /^clang-\d+$/))];
  const tooOld: string[] = [];
  for (const file of candidates) {
    const version = versionOf(file);
    if (version === undefined) continue;
    if (majorOf(version) >= oldestClang) return { kind: 'found', file, version };
    tooOld.push(`${file} is version ${majorOf(version)}`);
  }
  return {
    kind: 'missing',
    why:
      tooOld.length === 0
        ? 'no clang on the path'
        : `${tooOld.join(', ')}; ${oldestClang} or newer is needed`,
  };
}

/** Where clang finds <asm/types.h> for the bpf target: Debian keeps it in the machine's own folder. */
export function systemIncludes(): readonly string[] {
  return ['x86_64', 'aarch64', 'riscv64', 'powerpc64le', 's390x', 'arm']
    .map((machine) => `/usr/include/${machine}-linux-gnu${machine === 'arm' ? 'eabihf' : ''}`)
    .filter((folder) => existsSync(join(folder, 'asm/types.h')))
    .slice(0, 1);
}

function namesOn(path: string, name: RegExp): string[] {
  return path
    .split(delimiter)
    .filter((folder) => folder.startsWith('/') && existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((file) => name.test(file))
        .map((file) => join(folder, file)),
    )
    .filter(isExecutable);
}

function byVersion(files: readonly string[]): string[] {
  const number = (file: string): number => Number(file.slice(file.lastIndexOf('-') + 1));
  return [...files].sort((a, b) => number(b) - number(a));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // another user's, or no program: not a compiler for us
  }
}

/** First line of --version; undefined for a file that is no clang. */
function versionOf(file: string): string | undefined {
  try {
    const [line] = execFileSync(file, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).split('\n');
    return line !== undefined && /clang version \d+/.test(line) ? line : undefined;
  } catch {
    return undefined; // broken installation (a dangling wrapper): the next one is tried
  }
}

function majorOf(version: string): number {
  return Number(/clang version (\d+)/.exec(version)?.[1]);
}

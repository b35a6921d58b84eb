import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** From dist/test/support/ to the sources. */
const fixtures = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'bp-objects-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const compiled = new Map<string, string>();

/** The object file of test/fixtures/<name>.bpf.c, compiled once for each test process. */
export function fixture(name: string): string {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const object = join(folder, `${name}.o`);
  compile(join(fixtures, `${name}.bpf.c`), object);
  compiled.set(name, object);
  return object;
}

/** test/fixtures/<name>.c, compiled to be preloaded. */
export function library(name: string): string {
  const shared = join(folder, `${name}.so`);
  const flags = ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-D_GNU_SOURCE'];
  execFileSync('cc', [...flags, join(fixtures, `${name}.c`), '-o', shared], { stdio: 'pipe' });
  return shared;
}

/** Compiles any C file with the clang that is there. */
export function compile(source: string, object: string): void {
  const target = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const include = `-I/usr/include/${target}`; // asm/types.h of Debian's multiarch
  const flags = ['-g', '-O2', '-target', 'bpf', '-Wall', '-Werror', include];
  execFileSync(clang(), [...flags, '-c', source, '-o', object], { stdio: 'pipe' });
}

/** `clang`, else the newest `clang-NN` from 14 on. */
function clang(): string {
  const names = ['clang', ...Array.from({ length: 12 }, (_, index) => `clang-${25 - index}`)];
  const found = names.find((name) => {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error('no clang found; run: sudo apt-get install clang');
  return found;
}

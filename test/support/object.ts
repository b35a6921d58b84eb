import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findClang, systemIncludes } from '../../src/datapath/clang.js';
import { compile as compileForNode, type ProgramFile } from '../../src/datapath/compile.js';

/** The project's root, seen from the compiled tests. */
export const root = resolve(fileURLToPath(import.meta.url), '../../../..');

/** The object that a node would load: of the sources that are here. */
export function datapathObject(program: ProgramFile = 'encapd'): string {
  return compileForNode({ program }).origin.file;
}

/** Why programs cannot be run here; undefined: they can. */
export function whyNoPrograms(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'loading programs needs root';
}

/** Why programs cannot be compiled and run here; undefined: they can. */
export function whyNoCompiler(): string | undefined {
  const found = findClang(process.env['PATH'] ?? '');
  return whyNoPrograms() ?? (found.kind === 'missing' ? found.why : undefined);
}

/** Compiles the programs for one BPF instruction set; the object goes when the process goes. */
export function compile(
  cpu: 'v2' | 'v3',
  program: ProgramFile | 'bench/untraced' = 'encapd',
): string {
  const folder = mkdtempSync(join(tmpdir(), 'bp2-object-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const object = join(folder, `${basename(program)}.bpf.o`);
  const clang = findClang(process.env['PATH'] ?? '');
  if (clang.kind === 'missing') throw new Error(clang.why);
  execFileSync(
    clang.file,
    [
      '-target',
      'bpf',
      `-mcpu=${cpu}`,
      ...['-O2', '-g', '-Wall', '-Wextra', '-Werror'],
      ...systemIncludes().map((folder) => `-I${folder}`),
      ...['-c', join(root, `bpf/${program}.bpf.c`), '-o', object],
    ],
    { stdio: 'pipe' },
  );
  return object;
}

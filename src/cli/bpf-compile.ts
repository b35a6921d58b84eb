import type { Command } from 'commander';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { examplesOf } from './examples.js';
import { print } from './output.js';
import { sessionOf } from './session.js';
import { table } from './table.js';

interface CompileOptions {
  readonly out?: string;
}

/** `encap bpf compile`: what `encap run --compile` would load, without loading it. */
export function defineCompile(parent: Command): void {
  const summary = 'compile the programs with this machine’s clang';
  const command = parent
    .command('compile')
    .summary(summary)
    .description(`${summary}; needs neither root nor kernel`)
    .option('--out <folder>', 'where to write the objects (default: the cache alone)');
  examplesOf(command, [
    ['encap bpf compile', 'into the cache that encap run --compile looks into'],
    ['encap bpf compile --out build', 'encapd.bpf.o and encapd_fast.bpf.o there'],
    ['encap bpf compile --out . -o json', 'for a script: compiler, flags, hashes'],
  ]).action(async ({ out }: CompileOptions) => {
    const session = sessionOf(command);
    const [{ compile, flags, programFiles }, { sourceFolder }, { writeAtomically }] =
      await Promise.all([
        import('../datapath/compile.js'),
        import('../datapath/sources.js'),
        import('../datapath/write.js'),
      ]);
    const items = programFiles.map((program) => {
      const { bytes, sha256, origin } = compile({ program, compile: true });
      return { program, bytes, sha256, origin };
    });
    if (out !== undefined) mkdirSync(out, { recursive: true });
    const written = items.map(({ program, bytes, sha256, origin }) => {
      const file = out === undefined ? origin.file : resolve(join(out, `${program}.bpf.o`));
      if (out !== undefined) writeAtomically(file, bytes);
      return {
        source: join(sourceFolder, `${program}.bpf.c`),
        file,
        bytes: bytes.length,
        sha256,
        how: origin.kind,
      };
    });
    const compiler = items[0]?.origin.compiler ?? '';
    await print(session, {
      document: {
        apiVersion: 'encap/v1',
        kind: 'ObjectList',
        compiler,
        flags: flags(),
        items: written,
      },
      names: () => written.map(({ file }) => file),
      text: () =>
        `${table(
          session,
          [
            { title: 'OBJECT', of: ({ file }) => file },
            { title: 'BYTES', of: ({ bytes }) => bytes },
            { title: 'HOW', of: ({ how }) => how },
            { title: 'SHA256', of: ({ sha256 }) => sha256.slice(0, 16) },
            { title: 'SOURCE', of: ({ source }) => source, wide: true },
          ],
          written,
        )}\n${compiler}, ${flags().join(' ')}`,
    });
  });
}

import { findClang } from './clang.js';
import { programFiles, runClang } from './compile.js';
import { prebuiltFolder, writePrebuilt } from './prebuilt.js';
import { sourceFolder } from './sources.js';

// Entry point of `npm run build`: makes the objects that nodes use.

const compiler = findClang(process.env['PATH'] ?? '');
if (compiler.kind === 'missing')
  process.stderr.write(`prebuilt objects left out: ${compiler.why}\n`);
else
  writePrebuilt(
    prebuiltFolder,
    sourceFolder,
    compiler.version,
    new Map(
      programFiles.map((program) => [program, runClang(compiler.file, sourceFolder, program)]),
    ),
  );

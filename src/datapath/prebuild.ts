import { findClang } from './clang.js';
import { runClang } from './compile.js';
import { prebuiltFolder, writePrebuilt } from './prebuilt.js';
import { sourceFolder } from './sources.js';

// Entry point of `npm run build`: makes the object that nodes without clang use.

const compiler = findClang(process.env['PATH'] ?? '');
if (compiler.kind === 'missing')
  process.stderr.write(`prebuilt object left out: ${compiler.why}\n`);
else
  writePrebuilt(
    prebuiltFolder,
    sourceFolder,
    compiler.version,
    runClang(compiler.file, sourceFolder),
  );

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findClang } from './clang.js';
import { runClang } from './compile.js';
import { prebuiltFolder, prebuiltManifest, prebuiltObject, type Manifest } from './prebuilt.js';
import { hashBytes, hashSources, sourceFolder } from './sources.js';
import { writeAtomically } from './write.js';

// Entry point of `npm run build`: makes the object that nodes without clang use.

const compiler = findClang(process.env['PATH'] ?? '');
if (compiler.kind === 'missing') {
  process.stderr.write(`prebuilt object left out: ${compiler.why}\n`);
} else {
  const bytes = runClang(compiler.file, sourceFolder);
  const manifest: Manifest = {
    object: hashBytes(bytes),
    sources: hashSources(sourceFolder),
    compiler: compiler.version,
  };
  mkdirSync(prebuiltFolder, { recursive: true });
  writeAtomically(join(prebuiltFolder, prebuiltObject), bytes);
  writeAtomically(join(prebuiltFolder, prebuiltManifest), `${JSON.stringify(manifest, null, 2)}\n`);
}

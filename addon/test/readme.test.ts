import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import * as library from '../lib/index.js';
import { compile } from './support/compile.js';
import { kernelTest } from './support/kernel.js';

const packageFolder = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(packageFolder, 'README.md'), 'utf8');

/** The first code block of a language. */
function block(language: string): string {
  return new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(readme)?.[1] ?? '';
}

kernelTest('the example of the README runs as it stands and prints what it says', async (t) => {
  // In a namespace of its own, whose interface 1 is its loopback; inside the package, so that `import 'libbpf-ts'` finds it by its own name.
  const folder = await mkdtemp(join(packageFolder, 'dist', 'bp-readme-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'count.bpf.c'), block('c'));
  await writeFile(join(folder, 'count.mjs'), block('js'));
  compile(join(folder, 'count.bpf.c'), join(folder, 'count.bpf.o'));
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--net', process.execPath, 'count.mjs'],
    {
      cwd: folder,
    },
  );
  t.is(stdout, block('text'));
});

test('the README names every function and class of the library', (t) => {
  const missing = Object.keys(library).filter((name) => !readme.includes(`\`${name}`));
  t.deepEqual(missing, []);
});

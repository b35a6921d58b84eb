'use strict';
// Dependencies and builds: each step runs when what it reads has changed or what it makes is gone.

const { createHash } = require('node:crypto');
const {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} = require('node:fs');
const { join } = require('node:path');
const { folder, root, run } = require('./say.cjs');

const node = process.execPath;

const steps = {
  dependencies: {
    reads: ['package.json', 'addon/package.json', 'package-lock.json'],
    makes: ['node_modules/.package-lock.json', 'node_modules/libbpf-ts'],
    run: () =>
      run('npm', ['ci', '--no-audit', '--no-fund'], { next: 'is the registry reachable?' }),
  },
  addon: {
    reads: ['addon/CMakeLists.txt', 'addon/package.json', 'addon/native', 'package-lock.json'],
    makes: ['addon/build/Release/libbpf_ts.node'],
    run: () => run('npm', ['run', 'build', '-w', 'addon'], { exitCode: 1 }),
  },
  typescript: {
    reads: ['src', 'test', 'addon/lib', 'addon/test', 'tsconfig.json', 'addon/tsconfig.json'],
    makes: ['dist/src/cli/main.js', 'addon/dist/lib/index.js'],
    run: () => run(node, ['node_modules/typescript/bin/tsc', '-b'], { exitCode: 1 }),
  },
  command: {
    reads: [],
    makes: ['node_modules/.bin/encap'],
    run: linkCommand,
  },
  object: {
    reads: ['bpf', 'src/datapath'],
    makes: [],
    run: () => run(node, ['dist/src/datapath/prebuild.js'], { exitCode: 1 }),
  },
};

/** As npm does for the commands of dependencies: `npx encap` in the checkout is the one that was built. */
function linkCommand() {
  chmodSync(join(root, 'dist/src/cli/main.js'), 0o755);
  const link = join(root, 'node_modules/.bin/encap');
  rmSync(link, { force: true });
  symlinkSync('../../dist/src/cli/main.js', link);
  return { seconds: '0.0' };
}

/** Runs one step if it has to; gives back what there was to do. */
function ensure(name) {
  const { reads, makes, run: work } = steps[name];
  const marker = join(folder, `${name}.hash`);
  const hash = hashOf(reads);
  const upToDate =
    existsSync(marker) &&
    readFileSync(marker, 'utf8') === hash &&
    makes.every((path) => existsSync(join(root, path)));
  if (upToDate) return undefined;
  const { seconds } = work();
  mkdirSync(folder, { recursive: true });
  writeFileSync(marker, hash);
  return `${name} ${seconds} s`;
}

/** Of the contents below these paths, of this machine's kind and of Node's binary interface. */
function hashOf(paths) {
  const hash = createHash('sha256');
  hash.update(`${process.platform} ${process.arch} ${process.versions.modules}\n`);
  for (const path of paths.flatMap(filesBelow)) {
    hash.update(`${path}\n`);
    hash.update(readFileSync(join(root, path)));
  }
  return hash.digest('hex');
}

function filesBelow(path) {
  if (!existsSync(join(root, path))) return [];
  try {
    return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
      .sort();
  } catch (error) {
    if (error.code === 'ENOTDIR') return [path];
    throw error;
  }
}

function forget() {
  for (const name of Object.keys(steps)) rmSync(join(folder, `${name}.hash`), { force: true });
}

module.exports = { ensure, forget };

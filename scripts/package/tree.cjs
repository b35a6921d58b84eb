'use strict';
// The folder that both packages are made from: what a node runs, and nothing that builds or tests it.

const { execFileSync } = require('node:child_process');
const {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} = require('node:fs');
const { dirname, join, relative } = require('node:path');
const { apart, bundle } = require('./bundle.cjs');
const { packagesOf } = require('./dependencies.cjs');
const { filesBelow, hashOf } = require('./files.cjs');

const main = 'dist/src/cli/main.js';
const addon = 'node_modules/libbpf-ts';
const native = 'build/Release/libbpf_ts.node';

/** What belongs below a share folder, where man and the shells look, and the command that prints it. */
const shared = {
  'man/man1/encap.1': ['help', 'man'],
  'bash-completion/completions/encap': ['completion', 'bash'],
  'zsh/site-functions/_encap': ['completion', 'zsh'],
  'fish/vendor_completions.d/encap.fish': ['completion', 'fish'],
};

/** Types, source maps, tests and the like: for those who build. */
const forBuilders =
  /\.(?:map|d\.[cm]?ts|test\.[cm]?js|tsbuildinfo)$|^(?:tests?|benchmarks?|\.github)\//;

/** Copies the tree to a folder that is not there yet. */
async function makeTree(root, tree) {
  const built = [main, 'dist/prebuilt/manifest.json', `addon/${native}`, 'addon/dist/lib/index.js'];
  const missing = built.find((name) => !existsSync(join(root, name)));
  if (missing !== undefined) throw new Error(`${missing} is missing: npm run build, with a clang`);
  checkPrebuilt(join(root, 'dist/prebuilt'));

  for (const name of ['LICENSE', 'README.md', 'deploy/node.yaml', 'package.json'])
    copy(join(root, name), join(tree, name));
  for (const name of ['bpf', 'deploy/systemd', 'dist/prebuilt', 'docs', 'examples'])
    copyFolder(join(root, name), join(tree, name));
  for (const name of await bundle(root, tree)) copyTerms(root, name, tree);
  for (const name of packagesOf(root, apart)) copyFolder(join(root, name), join(tree, name));

  copy(join(root, 'addon/package.json'), join(tree, addon, 'package.json'));
  const prebuild = `prebuilds/${process.platform}-${process.arch}/libbpf_ts.node`;
  copy(join(root, 'addon', native), join(tree, addon, prebuild));

  for (const [name, words] of Object.entries(shared)) {
    const text = execFileSync(process.execPath, [join(root, main), ...words]);
    mkdirSync(dirname(join(tree, 'share', name)), { recursive: true });
    writeFileSync(join(tree, 'share', name), text, { mode: 0o644 });
  }
  chmodSync(join(tree, main), 0o755);
  mkdirSync(join(tree, 'bin'));
  symlinkSync(`../${main}`, join(tree, 'bin/encap'));
  writeSums(tree);
}

/** The objects must be those that the manifest names: a stale one would be refused on every node. */
function checkPrebuilt(folder) {
  const { objects } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  for (const [name, sha256] of Object.entries(objects))
    if (hashOf('sha256', join(folder, `${name}.bpf.o`)) !== sha256)
      throw new Error(`${name}.bpf.o is not the one of its manifest: npm run build`);
}

/** For `sha256sum -c SHA256SUMS`. */
function writeSums(tree) {
  const lines = filesBelow(tree).map(
    (file) => `${hashOf('sha256', file)}  ${relative(tree, file)}\n`,
  );
  writeFileSync(join(tree, 'SHA256SUMS'), lines.join(''), { mode: 0o644 });
}

/** All of a folder but its node_modules: which of those come along is the lock file's to say. */
function copyFolder(from, to) {
  for (const name of filesBelow(from).map((file) => relative(from, file)))
    if (!forBuilders.test(name) && !name.includes('node_modules/'))
      copy(join(from, name), join(to, name));
}

/** Of a package that is in the bundle: what it is, and the terms under which it may be passed on. */
function copyTerms(root, name, tree) {
  for (const file of readdirSync(join(root, name)))
    if (/^(?:package\.json|(?:licen[cs]e|copying|notice)\b.*)$/i.test(file))
      copy(join(root, name, file), join(tree, name, file));
}

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, 0o644);
}

module.exports = { makeTree };

'use strict';
// dist/src as fewer files, for Node takes half of a short command's time to find and load modules one by one: chunks
// beside the command, each with what is always needed together, so that a verb still loads no more than it needs. They
// are CommonJS, which Node loads in less time than ES modules.

const { copyFileSync, mkdirSync, writeFileSync } = require('node:fs');
const { join, relative } = require('node:path');
const { compile } = require('./compile.cjs');

/** Read as text and given to a Node elsewhere, beside the module that does so. */
const text = 'bench/generators/connect-endpoint.js';

/** What stays a package of its own: has files beside its code (a worker, WebAssembly), or is large and seldom needed. */
const apart = [
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  '@kubernetes/client-node',
  '@viz-js/viz',
  'pino',
  'pino-pretty',
  'vega',
  'vega-lite',
];

/**
 * Writes the bundle to a tree, all of it beside the command: as deep as the modules were that look for files from
 * where they are. Gives back the folders of the packages that have become part of it.
 */
async function bundle(root, tree) {
  const { build } = await import('rolldown');
  const folder = join(tree, 'dist/src/cli');
  mkdirSync(folder, { recursive: true });
  const { output } = await build({
    cwd: root,
    input: { program: 'dist/src/cli/main.js' },
    external: apart,
    platform: 'node',
    logLevel: 'warn',
    write: false,
    output: {
      format: 'cjs',
      strict: true, // as ES modules are
      entryFileNames: '[name].js',
      chunkFileNames: '[name]-[hash].js',
      comments: { legal: true, annotation: false, jsdoc: false },
    },
  });
  for (const { fileName, code } of output)
    writeFileSync(join(folder, fileName), code.replace(/^#!.*\n/, ''));
  copyFileSync(join(__dirname, 'launcher.cjs'), join(folder, 'main.js'));
  copyFileSync(join(root, 'dist/src', text), join(folder, 'connect-endpoint.js'));
  // What lies below it has another type than the package.
  writeFileSync(join(tree, 'dist/package.json'), '{"type":"commonjs"}\n', { mode: 0o644 });
  // A chunk that V8 compiled before has lost where its import() goes.
  const importing = ({ dynamicImports }) => dynamicImports.some((name) => apart.includes(name));
  compile(
    tree,
    output.filter((chunk) => !importing(chunk)).map(({ fileName }) => fileName),
  );
  const packages = output
    .flatMap(({ moduleIds }) => moduleIds)
    .flatMap(
      (file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(relative(root, file)) ?? [],
    );
  return [...new Set(packages)].sort();
}

module.exports = { apart, bundle };

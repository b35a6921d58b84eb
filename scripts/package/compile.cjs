'use strict';
// What V8 makes of the bundle's chunks, in a folder beside them, for launcher.cjs.

const { execFileSync } = require('node:child_process');
const { mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

/** What it runs is compiled whole, of the rest the outermost functions: how its results are printed matters to nobody. */
const typical = ['explain', '10.244.3.9', '-f', 'examples/crosssubnet', '--node', 'node-a'];

/**
 * Compiles chunks of a tree, by their names, for the Node that this is. The same chunks give the same bytes: with a
 * seed that is said, tables of names have one order.
 */
function compile(tree, chunks) {
  const cli = join(tree, 'dist/src/cli');
  const folder = join(cli, 'compiled', `${process.version}-${process.arch}`);
  mkdirSync(folder, { recursive: true });
  // Nothing that V8 could take: the launcher has it compile each of them.
  for (const name of chunks) writeFileSync(join(folder, name), '', { mode: 0o644 });
  const flags = ['--hash-seed=1', '--require', join(__dirname, 'record.cjs')];
  execFileSync(process.execPath, [...flags, join(cli, 'main.js'), ...typical, '--no-kernel'], {
    cwd: tree,
    env: { RECORD: JSON.stringify({ cli, folder, chunks }) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

module.exports = { compile };

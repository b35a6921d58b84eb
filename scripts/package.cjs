'use strict';
// `npm run package`: what has been built, as a tarball and as a Debian package in dist/package (or the folder that is
// named). The same sources on the same machine give the same bytes.

const { execFileSync } = require('node:child_process');
const { mkdirSync, readFileSync, rmSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { debianPackage } = require('./package/debian.cjs');
const { hashOf } = require('./package/files.cjs');
const { tarball } = require('./package/tarball.cjs');
const { makeTree } = require('./package/tree.cjs');

const root = resolve(__dirname, '..');

/** Seconds since 1970 that every file gets: SOURCE_DATE_EPOCH, else the time of the last commit. */
function epoch() {
  const said = process.env.SOURCE_DATE_EPOCH;
  if (said !== undefined && /^\d+$/.test(said)) return Number(said);
  return Number(
    execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }),
  );
}

/** Makes both packages and says what they are. */
async function main([out = join(root, 'dist/package')]) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const name = `encapd-${version}`;
  const seconds = epoch();
  mkdirSync(out, { recursive: true });
  const scratch = join(out, 'scratch');
  rmSync(scratch, { recursive: true, force: true });
  try {
    const tree = join(scratch, name);
    await makeTree(root, tree);
    const files = [
      tarball(tree, join(out, `${name}-linux-${process.arch}.tar.gz`), seconds),
      debianPackage({ root, tree, version, out, scratch, seconds }),
    ];
    for (const file of files) console.log(`${hashOf('sha256', file)}  ${file}`);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

process.umask(0o022); // modes are part of a package
void main(process.argv.slice(2));

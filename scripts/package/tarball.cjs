'use strict';
// A tree as a .tar.gz without anything of the machine that made it: names in order, one time, root's.

const { execFileSync } = require('node:child_process');
const { writeFileSync } = require('node:fs');
const { basename, dirname } = require('node:path');
const { gzipSync } = require('node:zlib');

/** Writes the file and gives back its name. */
function tarball(tree, file, seconds) {
  const plain = ['--format=gnu', '--sort=name', `--mtime=@${seconds}`, '--numeric-owner'];
  const owner = ['--owner=0', '--group=0', '--mode=u+rw,go=rX'];
  const bytes = execFileSync(
    'tar',
    ['--create', ...plain, ...owner, '-C', dirname(tree), basename(tree)],
    { maxBuffer: 1 << 30, env: { ...process.env, LC_ALL: 'C' } },
  );
  writeFileSync(file, gzipSync(bytes, { level: 9 }));
  return file;
}

module.exports = { tarball };

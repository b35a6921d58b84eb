'use strict';
// What kind of machine this is, and what it lets us do.

const { spawnSync } = require('node:child_process');
const { existsSync, readFileSync, readdirSync, statfsSync } = require('node:fs');
const { join } = require('node:path');
const os = require('node:os');

// A user's PATH often lacks the last three.
const searched = [
  ...(process.env.PATH ?? '').split(':'),
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
].filter((folder) => folder !== '');

/** Path of a command, undefined when there is none. */
function commandPath(name) {
  return searched.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** `clang`, else the newest `clang-NN` from 14 on: what the loader compiles with. */
function hasClang() {
  const numbered = searched.flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).map((name) => /^clang-(\d+)$/.exec(name)) : [],
  );
  return (
    commandPath('clang') !== undefined ||
    numbered.some((match) => match !== null && Number(match[1]) >= 14)
  );
}

function isRoot() {
  return process.geteuid() === 0;
}

/** True where somebody can answer a question. */
function canAsk() {
  return (
    process.stdin.isTTY === true &&
    process.stdout.isTTY === true &&
    process.env.CI !== 'true' &&
    process.env.ENCAP_YES !== '1'
  );
}

function title() {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const [, name = 'Linux'] = /^PRETTY_NAME="?([^"\n]*)/m.exec(release) ?? [];
  const who = isRoot() ? 'root' : 'not root';
  return `${name}, kernel ${os.release()}, ${process.arch}, node ${process.versions.node}, ${who}`;
}

/** The package manager, by which the names of packages are chosen. */
function packageManager() {
  return ['apt-get', 'dnf', 'pacman', 'apk'].find((name) => commandPath(name) !== undefined);
}

const bpffsMagic = 0xcafe4a11; // linux/magic.h

function bpffsMounted() {
  return existsSync('/sys/fs/bpf') && statfsSync('/sys/fs/bpf').type === bpffsMagic;
}

/** True when pkg-config knows this library, in this version or newer. */
function hasLibrary(name, version) {
  const args = version === undefined ? ['--exists'] : [`--atleast-version=${version}`];
  return spawnSync('pkg-config', [...args, name]).status === 0;
}

module.exports = {
  bpffsMounted,
  canAsk,
  commandPath,
  hasClang,
  hasLibrary,
  isRoot,
  packageManager,
  title,
};

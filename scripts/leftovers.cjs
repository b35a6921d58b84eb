'use strict';
// What tests and labs must not leave on the machine: namespaces, interfaces, pins, agents.

const { existsSync, readFileSync, readdirSync } = require('node:fs');
const { resolve } = require('node:path');

const main = resolve(__dirname, '../dist/src/cli/main.js');

/** How the names of all that our tests and labs make begin. */
const ours = /^(encap|addon|bp|cli|dp|lab|nl)-|^encap/;

/** One line for each thing of ours that is there now. */
function leftovers() {
  return [
    ...names('/run/netns').map((name) => `namespace ${name}`),
    ...names('/sys/class/net').map((name) => `interface ${name}`),
    ...names('/sys/fs/bpf').map((name) => `pins /sys/fs/bpf/${name}`),
    ...names('/run').map((name) => `state /run/${name}`),
    ...agents(),
  ];
}

function names(folder) {
  return existsSync(folder) ? readdirSync(folder).filter((name) => ours.test(name)) : [];
}

/** Agents of this checkout: `node …/main.js run`. */
function agents() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => [pid, commandLine(pid)])
    .filter(([, words]) => words.includes(main) && words.includes('run'))
    .map(([pid, words]) => `process ${pid}: ${words.join(' ').trim()}`);
}

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it has ended since
  }
}

module.exports = { leftovers };

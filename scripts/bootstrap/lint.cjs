'use strict';
// `npm run lint`: every linter over the files that git knows.

const { spawnSync } = require('node:child_process');
const { root, say } = require('./say.cjs');

const bin = (name) => `node_modules/.bin/${name}`;

/** Runs all linters; gives back 0 when every one is content. */
function lint() {
  const c = listed(['bpf/*.c', 'bpf/*.h', 'addon/*.c', 'addon/*.cc', 'addon/*.h']);
  const shell = [...listed(['*.sh']), ...listed(['.ci/*', 'scripts/*']).filter(isShell)];
  const results = [
    check('eslint', bin('eslint'), ['.']),
    check('prettier', bin('prettier'), ['--check', '--log-level', 'warn', '.']),
    check('clang-format', 'clang-format', ['--dry-run', '-Werror', ...c]),
    check('shellcheck', 'shellcheck', [...new Set(shell)]),
  ];
  return results.every(Boolean) ? 0 : 1;
}

function check(name, command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  say(`${status === 0 ? 'ok  ' : 'FAIL'} ${name}`);
  if (error !== undefined) say(`     ${error.message}`);
  return status === 0;
}

function listed(patterns) {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  const { stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean);
}

function isShell(file) {
  const { stdout } = spawnSync('head', ['-n1', file], { cwd: root, encoding: 'utf8' });
  return /^#!.*\b(ba|da)?sh\b/.test(stdout);
}

module.exports = { lint };

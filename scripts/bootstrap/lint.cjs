'use strict';
// `npm run lint`: every linter over the files that git knows.

const { spawnSync } = require('node:child_process');
const { root, say } = require('./say.cjs');

const dry = ['--dry-run', '-Werror'];
const bin = (name) => `node_modules/.bin/${name}`;

/** Runs all linters; gives back 0 when every one is content. */
function lint() {
  const cpp = listed(['addon/*.cc', 'addon/*.h']);
  const ebpf = listed(['bpf/*.c', 'bpf/*.h', 'addon/*.bpf.c']); // kernel style, in addon/ too
  const shell = [
    ...listed(['*.sh']),
    ...listed(['.ci/*', 'scripts/*', 'deploy/*', 'vagrant/*']).filter(isShell),
  ];
  const results = [
    check('eslint', bin('eslint'), ['.']),
    check('prettier', bin('prettier'), ['--check', '--log-level', 'warn', '.']),
    check('clang-format', 'clang-format', [...dry, ...cpp]),
    check('clang-format', 'clang-format', ['--style=file:.clang-format', ...dry, ...ebpf]),
    check('shellcheck', 'shellcheck', ['--external-sources', ...new Set(shell)]),
  ];
  return results.every(Boolean) ? 0 : 1;
}

/** A linter over files; without any it would wait for standard input. */
function check(name, command, args) {
  if (args.every((arg) => arg.startsWith('-'))) {
    say(`ok   ${name} (no files)`);
    return true;
  }
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  say(`${status === 0 ? 'ok  ' : 'FAIL'} ${name}`);
  if (error !== undefined) say(`     ${error.message}`);
  return status === 0;
}

function listed(patterns) {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  const { stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  return (stdout ?? '').split('\n').filter(Boolean);
}

function isShell(file) {
  const { stdout } = spawnSync('head', ['-n1', file], { cwd: root, encoding: 'utf8' });
  return /^#!.*\b(ba|da)?sh\b/.test(stdout);
}

module.exports = { lint };

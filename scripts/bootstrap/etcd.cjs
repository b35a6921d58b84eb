'use strict';
// etcd for the tests: the program alone, unpacked into a cache. Its package, installed, would enable a service.

const { existsSync, mkdirSync, readdirSync, rmSync } = require('node:fs');
const os = require('node:os');
const { join } = require('node:path');
const machine = require('./machine.cjs');
const { Stop, run, say } = require('./say.cjs');

const cache = join(process.env.XDG_CACHE_HOME ?? join(os.homedir(), '.cache'), 'encap/etcd');

/** Sees to it that there is one; without it its tests are left out, but not in CI. */
function ensureEtcd() {
  if (machine.commandPath('etcd') !== undefined || existsSync(join(cache, 'usr/bin/etcd'))) return;
  if (machine.packageManager() !== 'apt-get') {
    say('      no etcd: its tests are left out (install it, or put the program into PATH)');
    return;
  }
  say(`      no etcd: its package is unpacked into ${cache}, not installed`);
  try {
    download();
  } catch (error) {
    if (!(error instanceof Stop) || process.env.CI === 'true') throw error;
    say(`      its tests are left out: ${error.message}`);
  }
}

function download() {
  mkdirSync(cache, { recursive: true });
  const failed = {
    cwd: cache,
    why: 'apt could not download etcd-server',
    next: 'is there a network?',
  };
  try {
    run('apt-get', ['download', '-q', 'etcd-server'], failed);
  } catch (error) {
    if (!machine.isRoot()) throw error;
    run('apt-get', ['update', '-q', '-o', 'DPkg::Lock::Timeout=120'], failed);
    run('apt-get', ['download', '-q', 'etcd-server'], failed);
  }
  const archive = readdirSync(cache).find((name) => name.endsWith('.deb'));
  run('dpkg', ['-x', join(cache, archive), cache]);
  rmSync(join(cache, archive));
}

function removeEtcd() {
  if (!existsSync(cache)) return 'was not there';
  rmSync(cache, { recursive: true });
  return 'removed';
}

module.exports = { ensureEtcd, removeEtcd };

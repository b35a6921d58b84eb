'use strict';
// System packages: which are needed, which are missing, how they come and go.

const { spawnSync } = require('node:child_process');
const { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { createInterface } = require('node:readline/promises');
const machine = require('./machine.cjs');
const { Stop, folder, run, say } = require('./say.cjs');

const record = join(folder, 'installed-packages');

const command = (name) => () => machine.commandPath(name) !== undefined;
const file = (path) => () => existsSync(path);

/** A plugin of Vagrant's: Debian's, or one that somebody installed. */
const hasVagrantLibvirt = () =>
  spawnSync('vagrant', ['plugin', 'list'], { encoding: 'utf8' }).stdout?.includes('libvirt') ===
  true;

/** Debian's name, the names elsewhere (dnf, pacman, apk), and how to see that it is there. */
const needs = {
  build: [
    ['clang', 'clang', 'clang', 'clang', machine.hasClang],
    ['pkg-config', 'pkgconf', 'pkgconf', 'pkgconf', command('pkg-config')],
    [
      'libbpf-dev',
      'libbpf-devel',
      'libbpf',
      'libbpf-dev',
      () => machine.hasLibrary('libbpf', '1.1'),
    ],
    ['libmnl-dev', 'libmnl-devel', 'libmnl', 'libmnl-dev', () => machine.hasLibrary('libmnl')],
    ['cmake', 'cmake', 'cmake', 'cmake', command('cmake')],
    ['g++', 'gcc-c++', 'gcc', 'g++', command('g++')],
    ['make', 'make', 'make', 'make', command('make')],
    [
      'linux-libc-dev',
      'kernel-headers',
      'linux-api-headers',
      'linux-headers',
      file('/usr/include/linux/bpf.h'),
    ],
  ],
  lab: [
    ['mount', 'util-linux', 'util-linux', 'mount', command('mount')],
    ['iproute2', 'iproute', 'iproute2', 'iproute2', command('ip')],
    ['iputils-ping', 'iputils', 'iputils', 'iputils', command('ping')],
    ['tcpdump', 'tcpdump', 'tcpdump', 'tcpdump', command('tcpdump')],
    ['iperf3', 'iperf3', 'iperf3', 'iperf3', command('iperf3')],
  ],
  bench: [
    ['ethtool', 'ethtool', 'ethtool', 'ethtool', command('ethtool')],
    ['sockperf', 'sockperf', 'sockperf', 'sockperf', command('sockperf')],
  ],
  test: [
    ['tshark', 'wireshark-cli', 'wireshark-cli', 'tshark', command('tshark')],
    ['python3', 'python3', 'python', 'python3', command('python3')],
    ['bpftool', 'bpftool', 'bpf', 'bpftool', command('bpftool')],
    ['nftables', 'nftables', 'nftables', 'nftables', file('/usr/sbin/nft')],
    ['procps', 'procps-ng', 'procps-ng', 'procps', command('sysctl')],
    ['systemd', 'systemd', 'systemd', 'systemd', command('systemd-analyze')],
    ['mandoc', 'mandoc', 'mandoc', 'mandoc', command('mandoc')],
    ['zsh', 'zsh', 'zsh', 'zsh', command('zsh')],
    ['fish', 'fish', 'fish', 'fish', command('fish')],
    ['kubernetes-client', 'kubernetes-client', 'kubectl', 'kubectl', command('kubectl')],
    ['openssh-client', 'openssh-clients', 'openssh', 'openssh-client-default', command('ssh')],
  ],
  package: [
    ['dpkg', 'dpkg', 'dpkg', 'dpkg', command('dpkg-deb')],
    ['binutils', 'binutils', 'binutils', 'binutils', command('readelf')],
  ],
  /** What starts by itself once it is installed: not on anybody's machine, only in CI. */
  daemons: [
    ['openssh-server', 'openssh-server', 'openssh', 'openssh-server', file('/usr/sbin/sshd')],
    ['prometheus', 'golang-github-prometheus', 'prometheus', 'prometheus', command('promtool')],
  ],
  /** What a kube-apiserver is unpacked with. */
  cluster: [['xz-utils', 'xz', 'xz', 'xz', command('xz')]],
  guests: [
    [
      'qemu-system-x86',
      'qemu-system-x86-core',
      'qemu-system-x86',
      'qemu-system-x86_64',
      command('qemu-system-x86_64'),
    ],
    ['busybox-static', 'busybox', 'busybox', 'busybox-static', command('busybox')],
    ['xz-utils', 'xz', 'xz', 'xz', command('xz')],
    ['zstd', 'zstd', 'zstd', 'zstd', command('zstd')],
    ['wireguard-tools', 'wireguard-tools', 'wireguard-tools', 'wireguard-tools', command('wg')],
  ],
  /** What a Vagrantfile is checked with: 12 s, 106 MB with its Ruby. Others than Debian have Vagrant from its makers. */
  vagrant: [
    ['vagrant', 'vagrant', 'vagrant', 'vagrant', command('vagrant')],
    ['vagrant-libvirt', 'vagrant-libvirt', 'vagrant', 'vagrant', hasVagrantLibvirt],
  ],
  lint: [
    ['clang-format', 'clang-tools-extra', 'clang', 'clang-extra-tools', command('clang-format')],
    ['shellcheck', 'ShellCheck', 'shellcheck', 'shellcheck', command('shellcheck')],
  ],
};

const columns = { 'apt-get': 0, dnf: 1, pacman: 2, apk: 3 };
const installers = {
  'apt-get': 'apt-get install -y --no-install-recommends',
  dnf: 'dnf install -y',
  pacman: 'pacman -S --needed',
  apk: 'apk add',
};

/** Packages of these groups that are not there, by the names of this machine's package manager. */
function missing(groups) {
  const column = columns[machine.packageManager() ?? 'apt-get'];
  return groups
    .flatMap((group) => needs[group])
    .filter((row) => !row[4]())
    .map((row) => row[column]);
}

/** The command that a person would type for these packages. */
function installLine(names) {
  return `${installers[machine.packageManager() ?? 'apt-get']} ${names.join(' ')}`;
}

/** Installs what is missing of these groups; explains itself where it may not. */
async function install(groups) {
  const wanted = missing(groups);
  if (wanted.length === 0) return 'nothing missing';
  say(`      missing: ${wanted.join(' ')}`);
  if (machine.packageManager() !== 'apt-get')
    throw new Stop(`packages are missing: ${wanted.join(' ')}`, {
      next: `install them: ${installLine(wanted)}`,
      exitCode: 5,
    });
  if (machine.canAsk() && !(await agreed(wanted)))
    throw new Stop('nothing was installed', { next: installLine(wanted), exitCode: 5 });

  const before = installed();
  const apt = { DEBIAN_FRONTEND: 'noninteractive' };
  const lock = ['-o', 'DPkg::Lock::Timeout=120'];
  const failed = {
    why: `apt could not install ${wanted.join(' ')}`,
    next: 'is there a network? then run the same command again',
  };
  try {
    run('apt-get', ['update', '-q', ...lock], { env: apt, ...failed });
    const args = ['install', '-y', '-q', '--no-install-recommends', '--no-upgrade', ...lock];
    run('apt-get', [...args, ...wanted], { env: apt, ...failed });
  } finally {
    remember([...installed()].filter((name) => !before.has(name)));
  }
  const left = missing(groups);
  if (left.length > 0)
    throw new Stop(`still missing after the installation: ${left.join(' ')}`, {
      next: `is another version of it first in PATH or PKG_CONFIG_PATH?`,
      exitCode: 5,
    });
  say('      undo: npm run unbootstrap removes these and what came with them');
  return `${wanted.length} installed`;
}

/** Removes the packages that `install` brought, and only those. */
function remove() {
  const names = [...readRecord()].filter((name) => installed().has(name));
  if (names.length === 0) return 'none were installed by us';
  const { output } = run('apt-get', ['remove', '--simulate', '-q', ...names]);
  const others = [...output.matchAll(/^Remv (\S+)/gm)]
    .map((match) => match[1])
    .filter((name) => !names.includes(name.replace(/:.*/, '')));
  if (others.length > 0)
    throw new Stop(`other packages need ours by now: ${others.join(' ')}`, {
      next: `remove what you can: apt-get remove ${names.join(' ')}`,
      exitCode: 5,
    });
  const args = ['purge', '-y', '-q', '-o', 'DPkg::Lock::Timeout=120', ...names];
  run('apt-get', args, { env: { DEBIAN_FRONTEND: 'noninteractive' } });
  rmSync(record);
  return `${names.length} removed`;
}

async function agreed(names) {
  const questions = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await questions.question(`      install them: ${installLine(names)} [Y/n] `);
  questions.close();
  return /^(y|yes|)$/i.test(answer.trim());
}

function installed() {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Abbrev} ${Package}\n'], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  return new Set(
    stdout
      .split('\n')
      .filter((line) => line.startsWith('ii '))
      .map((line) => line.slice(3).trim()),
  );
}

function readRecord() {
  return new Set(
    existsSync(record) ? readFileSync(record, 'utf8').split('\n').filter(Boolean) : [],
  );
}

function remember(names) {
  if (names.length === 0) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(record, `${[...new Set([...readRecord(), ...names])].sort().join('\n')}\n`);
}

module.exports = { install, installLine, missing, needs, remove };

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { inside } from '../../src/lab/namespace.js';

/** What a machine that is measured has in its PATH. */
const usual = ['sh', 'cat', 'uname', 'ip', 'readlink', 'iperf3', 'sockperf', 'node'] as const;
export type Command = (typeof usual)[number];

export interface SshHost {
  readonly namespace: string;
  /** What it does not have. */
  readonly without?: readonly Command[];
  /** Default: true. */
  readonly letsIn?: boolean;
}

/**
 * An ssh configuration by which namespaces of this machine are machines of these names. ssh starts a server of its own
 * for each connection, inside the namespace and on standard input and output: no port, and none left afterwards.
 */
export function sshHosts(t: ExecutionContext, hosts: Readonly<Record<string, SshHost>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'bench-ssh-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  makePrivilegeFolder(t);
  for (const key of ['host', 'user'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)]);
  const hostKey = readFileSync(join(folder, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  writeFileSync(join(folder, 'known'), `machine ${hostKey}\n`);

  const blocks = Object.entries(hosts).flatMap(([name, host]) => {
    const server = join(folder, `${name}.sshd`);
    writeFileSync(server, serverOf(folder, name, host));
    const words = inside(host.namespace, ['/usr/sbin/sshd', '-i', '-f', server]);
    return [`Host ${name}`, `  ProxyCommand ${words.join(' ')}`];
  });
  const common = [
    'Host *',
    '  User root',
    '  HostKeyAlias machine',
    '  StrictHostKeyChecking yes',
    `  UserKnownHostsFile ${folder}/known`,
    `  IdentityFile ${folder}/user`,
    '  IdentitiesOnly yes',
  ];
  const config = join(folder, 'config');
  writeFileSync(config, `${[...blocks, ...common].join('\n')}\n`);
  return config;
}

function serverOf(folder: string, name: string, { without = [], letsIn = true }: SshHost): string {
  return [
    `HostKey ${folder}/host`,
    `AuthorizedKeysFile ${letsIn ? `${folder}/user.pub` : 'none'}`,
    'StrictModes no',
    'PermitRootLogin prohibit-password',
    `UsePAM ${isRootLocked() ? 'yes' : 'no'}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    `SetEnv PATH=${pathWithout(folder, name, without)}`,
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function isRootLocked(): boolean {
  return readFileSync('/etc/shadow', 'utf8').startsWith('root:!');
}

/** A folder with these commands and no others. */
function pathWithout(folder: string, name: string, without: readonly Command[]): string {
  const path = join(folder, name);
  mkdirSync(path);
  const there = usual.filter((command) => !without.includes(command));
  for (const command of there) symlinkSync(whereIs(command), join(path, command));
  return path;
}

function whereIs(command: Command): string {
  if (command === 'node') return process.execPath;
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const found = folders.map((folder) => join(folder, command)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`no ${command} on this machine`);
  return found;
}

/** sshd does not start without this one; its service makes it, where that runs. */
function makePrivilegeFolder(t: ExecutionContext): void {
  const folder = '/run/sshd';
  if (existsSync(folder)) return;
  mkdirSync(folder, { mode: 0o755 });
  t.teardown(() => rmdirSync(folder));
}

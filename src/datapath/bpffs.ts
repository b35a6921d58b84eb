import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { EncapError } from '../errors.js';

/** f_type of a BPF file system, <linux/magic.h>. */
const bpfFsMagic = 0xcafe4a11;

const standard = '/sys/fs/bpf';

/** Makes sure that pins can live in a folder; mounts the system's BPF file system where it is missing, and says so. */
export function prepareBpffs(folder: string, said: (command: string) => void): void {
  if (!isBpffs(folder)) mount(folder, said);
  if (existsSync(folder)) return;
  // Only where it has to: what a read-only file system says is lost on the way down.
  mkdirSync(folder, { recursive: !existsSync(dirname(folder)), mode: 0o700 });
}

/** Whether a folder is, or would be, in a BPF file system. */
export function isBpffs(folder: string): boolean {
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  return statfsSync(there).type === bpfFsMagic;
}

function mount(folder: string, said: (command: string) => void): void {
  const command = ['-t', 'bpf', 'bpf', standard] as const;
  const text = `mount ${command.join(' ')}`;
  if (folder !== standard && !folder.startsWith(`${standard}/`))
    throw new EncapError(`cannot pin to ${folder}: it is in no BPF file system`, {
      code: 'FEATURE_MISSING',
      hint: `mkdir -p ${folder} && mount -t bpf bpf ${folder}, or choose a folder below ${standard} (ENCAP_BPFFS)`,
    });
  said(text);
  try {
    execFileSync('mount', command, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  } catch (cause) {
    throw new EncapError(`cannot mount the BPF file system on ${standard}`, {
      code: process.getuid?.() === 0 ? 'FEATURE_MISSING' : 'PERMISSION',
      why: String((cause as { stderr?: unknown }).stderr ?? cause).trim(),
      hint: `as root: ${text}`,
      cause,
    });
  }
}

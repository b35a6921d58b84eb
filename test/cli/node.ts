import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Ended } from './encap.js';

/**
 * Runs a shell script on a node of its own: network and mounts that end with it, the address of node-a of
 * examples/two at eth0, a BPF file system and a run folder. `$0` is this Node, `$OUT` a folder for files.
 */
export function inNode(t: ExecutionContext, script: string, env = {}): Promise<Ended> {
  const out = mkdtempSync(join(tmpdir(), 'encap-node-'));
  t.teardown(() => rmSync(out, { recursive: true }));
  const bpffs = join(out, 'bpf');
  mkdirSync(bpffs);
  const prepared = `
    mount -t bpf -o mode=700 bpf ${bpffs}
    mount -t tmpfs tmpfs /run
    ip link set lo up
    ip link add eth0 type veth peer name far
    ip link set far up
    ip link set eth0 up
    ip address add 192.168.10.11/24 dev eth0
    ${script}`;
  const words = ['--net', '--mount', '--propagation', 'private', 'sh', '-ec', prepared];
  const own = { ENCAP_BPFFS: join(bpffs, 'encap'), ENCAP_RUN_DIR: '/run/encap', OUT: out };
  return new Promise((done) => {
    execFile(
      'unshare',
      [...words, process.execPath],
      { env: { PATH: process.env['PATH'], ...own, ...env }, timeout: 60_000 },
      (error, stdout, stderr) =>
        done({
          stdout,
          stderr,
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1,
        }),
    );
  });
}

'use strict';
// What the kernel must be able to do, each asked of the kernel itself.

const os = require('node:os');
const machine = require('./machine.cjs');
const { Stop, say } = require('./say.cjs');

/** Stops with a table of what is missing; says which hook the programs will use. */
async function probe() {
  const { features } = await import('libbpf-ts');
  const [major = 0, minor = 0] = os.release().split('.').map(Number);
  const rows = [
    {
      name: 'kernel',
      ok: major > 5 || (major === 5 && minor >= 10),
      says: `${os.release()} (needs 5.10 or newer)`,
      next: 'a newer kernel: bpf_redirect_neigh came with 5.10',
    },
    asked('network namespace', namespaces, 'in a container: --privileged'),
    asked(
      'eBPF programs',
      () => features.helper('sched_cls', 'bpf_redirect_neigh'),
      'root with CAP_BPF and CAP_NET_ADMIN, CONFIG_BPF_SYSCALL, no lockdown',
    ),
    {
      name: 'bpffs',
      ok: machine.bpffsMounted(),
      says: '/sys/fs/bpf',
      next: 'mount -t bpf bpf /sys/fs/bpf',
    },
  ];
  if (rows.every(({ ok }) => ok)) {
    if (!features.tcx()) say('      no TCX in this kernel (it came with 6.6): clsact is used');
    return;
  }
  for (const { name, ok, says } of rows)
    say(`      ${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(18)} ${says}`);
  throw new Stop('this machine cannot run the datapath', {
    next: rows.find(({ ok }) => !ok).next,
    exitCode: 5,
  });
}

/** A row whose question may answer no, or fail with a reason. */
function asked(name, question, next) {
  try {
    return question() ? { name, ok: true, says: 'yes' } : { name, ok: false, says: 'no', next };
  } catch (error) {
    return { name, ok: false, says: error.message, next };
  }
}

function namespaces() {
  const { spawnSync } = require('node:child_process');
  const { status, stderr } = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.trim());
  return true;
}

module.exports = { probe };

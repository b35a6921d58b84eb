import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { KernelFailure } from './error.js';

const { EPERM, EACCES, ENOMEM, E2BIG, ENOSPC, ESRCH, ENOLINK, ERANGE } = constants.errno;

/** The next step after a refusal, where operation and errno are enough to know one. */
export function hintFor({ operation, errno, messages }: KernelFailure): string | undefined {
  switch (errno) {
    case EPERM:
      return permission();
    case EACCES:
      return operation === 'load'
        ? 'the verifier rejected the program: read verifierLog from its end'
        : permission();
    case ENOMEM:
      return 'on kernels before 5.11 BPF memory counts against RLIMIT_MEMLOCK: raise it (ulimit -l unlimited)';
    case E2BIG:
      return /write|set/.test(operation) ? 'the map is full: raise its max_entries' : undefined;
    case ENOSPC:
      return operation === 'load' ? 'the program is too large for the verifier' : undefined;
    case ESRCH:
      return messages?.includes('vmlinux BTF') === true
        ? 'this kernel has no BTF (/sys/kernel/btf/vmlinux): use an object without kfuncs and CO-RE relocations'
        : undefined;
    case ENOLINK:
      return 'the interface of this link is gone: attach again to the new one';
    case ERANGE: // BPF_MPROG_MAX of linux/bpf_mprog.h
      return operation === 'attach'
        ? 'a TCX hook takes 64 programs and has them: take one off (bpftool net show, bpftool link detach)'
        : undefined;
    default:
      return undefined;
  }
}

/** Bits of CapEff (linux/capability.h) that BPF networking needs: CAP_SYS_ADMIN stands for CAP_BPF before 5.8. */
const wanted = [
  ['CAP_NET_ADMIN', 12n],
  ['CAP_BPF', 39n],
] as const;

function permission(): string {
  const missing = missingCapabilities();
  if (missing.length === 0)
    return 'this process has CAP_BPF and CAP_NET_ADMIN, so something else forbids it: CAP_SYS_ADMIN (by id), a security module, a container runtime or seccomp';
  return `this process lacks ${missing.join(' and ')}: run it as root, or grant ${missing.length > 1 ? 'them' : 'it'} (AmbientCapabilities= of its unit, securityContext of its container)`;
}

/** Of CAP_BPF and CAP_NET_ADMIN. */
export function missingCapabilities(): string[] {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(
    readFileSync('/proc/thread-self/status', 'utf8'),
  );
  const held = BigInt(`0x${effective?.[1] ?? '0'}`);
  return wanted.filter(([, bit]) => ((held >> bit) & 1n) === 0n).map(([name]) => name);
}

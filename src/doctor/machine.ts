import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { features, kernel } from 'libbpf-ts';
import { finding, type Check, type Finding } from './finding.js';

/** What the kernel has, and what this process may do with it. */
export interface Machine {
  readonly release: string;
  readonly btf: boolean;
  /** undefined: could not be tried, for want of a capability. */
  readonly jit: boolean | undefined;
  readonly tcx: boolean | undefined;
  /** At the folder of the pins. */
  readonly bpffs: boolean;
  readonly pins: string;
  readonly missing: readonly string[];
}

/** By bit (linux/capability.h); the first stands in for those behind it. */
const capabilities = { CAP_NET_ADMIN: 12, CAP_PERFMON: 38, CAP_BPF: 39 } as const;
const sysAdmin = 21;

/** Asks the kernel of this machine. */
export function examineMachine(pins: string): Machine {
  const [mask] =
    /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.slice(1) ?? [];
  const has = (bit: number): boolean => (BigInt(`0x${mask ?? '0'}`) & (1n << BigInt(bit))) !== 0n;
  const missing = Object.entries(capabilities)
    .filter(([name, bit]) => !has(bit) && (name === 'CAP_NET_ADMIN' || !has(sysAdmin)))
    .map(([name]) => name);
  const mayLoad = missing.length === 0;
  return {
    release: kernel.release,
    btf: features.kernelBtf(),
    jit: mayLoad ? features.jit() : undefined,
    tcx: mayLoad ? features.tcx() : undefined,
    bpffs: features.bpffs(nearest(pins)),
    pins,
    missing,
  };
}

/** The folder, or the first above it that is there. */
function nearest(folder: string): string {
  return existsSync(folder) || folder === '/' ? folder : nearest(dirname(folder));
}

const mounting = ['mount', '-t', 'bpf', 'bpf', '/sys/fs/bpf'] as const;

/** Pure: what of it is not enough. */
export function machineCheck({ release, btf, jit, tcx, bpffs, pins, missing }: Machine): Check {
  const findings: Finding[] = [
    ...missing.map((name) =>
      finding('capability', {
        seen: `this process has no ${name}`,
        cure: 'run it as root: sudo encap doctor; in a pod: securityContext.capabilities.add',
      }),
    ),
    ...(bpffs
      ? []
      : [
          finding('kernel-feature', {
            seen: `${pins} is in no BPF file system`,
            ...(pins.startsWith('/sys/fs/bpf/')
              ? { cure: mounting.join(' '), fix: { command: mounting } }
              : {
                  cure: `mkdir -p ${pins} && mount -t bpf bpf ${pins}, or a folder below /sys/fs/bpf (ENCAP_BPFFS)`,
                }),
          }),
        ]),
    ...(jit === false
      ? [
          finding('kernel-feature', {
            severity: 'warn',
            seen: 'programs are interpreted, not compiled',
            cure: 'sysctl -w net.core.bpf_jit_enable=1, then start the agent anew',
            fix: { sysctl: 'net/core/bpf_jit_enable', value: '1' },
          }),
        ]
      : []),
    ...(btf
      ? []
      : [
          finding('kernel-feature', {
            severity: 'warn',
            seen: 'this kernel has no BTF (/sys/kernel/btf/vmlinux)',
            cure: 'a kernel with CONFIG_DEBUG_INFO_BTF=y: without it some offloads and the fast path are off',
          }),
        ]),
  ];
  const words = [
    release,
    btf ? 'BTF' : 'no BTF',
    ...(jit === undefined ? [] : [jit ? 'JIT on' : 'JIT off']),
    bpffs ? 'bpffs mounted' : 'no bpffs',
    ...(tcx === undefined ? [] : [tcx ? 'TCX' : 'clsact (TCX came with 6.6)']),
  ];
  return { subject: 'kernel', seen: words.join(', '), findings };
}

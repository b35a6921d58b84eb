import { readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';

/** On what it was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly architecture: string;
  readonly kernel: string;
  readonly system: string;
  /** Whether this is a virtual machine, by what the CPU says of itself. */
  readonly isVirtual: boolean;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpus: cpus().length,
    memoryBytes: totalmem(),
    architecture: arch(),
    kernel: release(),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(read('/etc/os-release'))?.[1] ?? 'unknown',
    isVirtual: /^flags\s*:.*\bhypervisor\b/m.test(read('/proc/cpuinfo')),
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // not every system has it: then it is unknown
  }
}

import { askAt, runAt, type Place } from './place.js';

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

export async function machineAt(place: Place): Promise<Machine> {
  const osRelease = await runAt(place, ['cat', '/etc/os-release']); // not every system has it
  return machineOf({
    cpuinfo: await askAt(place, ['cat', '/proc/cpuinfo']),
    stat: await askAt(place, ['cat', '/proc/stat']),
    meminfo: await askAt(place, ['cat', '/proc/meminfo']),
    uname: await askAt(place, ['uname', '-rm']),
    osRelease: osRelease.stdout,
  });
}

/** By what its files and `uname -rm` say. */
export function machineOf(
  said: Readonly<Record<'cpuinfo' | 'stat' | 'meminfo' | 'uname' | 'osRelease', string>>,
): Machine {
  const [kernel = 'unknown', architecture = 'unknown'] = said.uname.trim().split(' ');
  return {
    cpu: /^model name\s*: (.*)$/m.exec(said.cpuinfo)?.[1]?.trim() ?? 'unknown',
    cpus: [...said.stat.matchAll(/^cpu\d/gm)].length,
    memoryBytes: Number(/^MemTotal: +(\d+) kB/m.exec(said.meminfo)?.[1] ?? NaN) * 1024,
    architecture,
    kernel,
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(said.osRelease)?.[1] ?? 'unknown',
    isVirtual: /^flags\s*:.*\bhypervisor\b/m.test(said.cpuinfo),
  };
}

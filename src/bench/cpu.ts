import { readFileSync } from 'node:fs';

/** A tick of /proc/stat: USER_HZ is 100 on every architecture that we run on. */
const tick = 0.01;

/** Seconds that all CPUs of this machine have worked since it booted (proc_stat(5): all but idle, iowait and guests). */
export function busySeconds(stat = readFileSync('/proc/stat', 'utf8')): number {
  const [, fields = ''] = /^cpu +(.*)$/m.exec(stat) ?? [];
  const [user = NaN, nice = NaN, system = NaN, , , irq = NaN, softirq = NaN, steal = NaN] = fields
    .split(' ')
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * tick;
}

/** The CPUs that this process may run on, by `Cpus_allowed_list` of proc_pid_status(5): `0-2,5`. */
export function allowedCpus(status = readFileSync('/proc/self/status', 'utf8')): readonly number[] {
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)/m.exec(status) ?? [];
  return list.split(',').flatMap((range) => {
    const [first = NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, place) => first + place);
  });
}

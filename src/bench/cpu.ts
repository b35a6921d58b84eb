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

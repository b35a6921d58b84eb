import { readFileSync, readdirSync } from 'node:fs';

/** The processes of a session: a guest's script began one, and nothing that it starts leaves it. */
export function session(leader: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => sessionOf(pid) === leader);
}

/** Undefined when there is no such process, or only its zombie. */
export function sessionOf(pid: number): number | undefined {
  const { state, session: leader } = statOf(pid) ?? {};
  return state === 'Z' ? undefined : leader;
}

/** What the processors did for a session so far: of its processes, and those of their children that have ended. */
export function processorSeconds(leader: number): number {
  return session(leader).reduce((sum, pid) => sum + (statOf(pid)?.processorSeconds ?? 0), 0);
}

interface Stat {
  readonly state: string | undefined;
  readonly session: number;
  readonly processorSeconds: number;
}

/** proc_pid_stat(5): fields 3, 6, and 14 to 17, which count in hundredths of a second. */
function statOf(pid: number): Stat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const spent = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { state: fields[0], session: Number(fields[3]), processorSeconds: spent / 100 };
  } catch {
    return undefined; // the process is gone: that is the answer
  }
}

import { execFileSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';

/** One JSON object of `ip -j`. */
export type Row = Readonly<Record<string, unknown>>;

let made = 0;

/** Without a sanitizer that is preloaded for this process: it would stop at iproute2's own faults. */
const env = { ...process.env, LD_PRELOAD: '' };

/** A network namespace of the test's own, with a veth pair `near` and `far` that is up; removed after it. */
export class Network {
  readonly name = `nl-${process.pid}-${(made += 1)}`;
  readonly path = `/run/netns/${this.name}`;
  readonly near: number;
  readonly far: number;

  constructor(t: ExecutionContext) {
    execFileSync('ip', ['netns', 'add', this.name], { env });
    t.teardown(() => execFileSync('ip', ['netns', 'delete', this.name], { env }));
    this.ip('link set lo up');
    this.ip('link add near type veth peer name far');
    // Link-local addresses come when duplicate address detection is done: between two dumps.
    for (const end of ['near', 'far']) this.ip(`link set ${end} addrgenmode none`);
    this.ip('link set near up');
    this.ip('link set far up');
    this.near = this.index('near');
    this.far = this.index('far');
  }

  ip(command: string): string {
    return execFileSync('ip', ['-n', this.name, ...command.split(' ')], { encoding: 'utf8', env });
  }

  /** Commands that each stand on a line, run by one process. */
  batch(commands: readonly string[]): void {
    execFileSync('ip', ['-n', this.name, '-batch', '-'], {
      input: `${commands.join('\n')}\n`,
      env,
    });
  }

  /** What iproute2 sees: the oracle. */
  json(command: string): readonly Row[] {
    const text = this.ip(`-j -d ${command}`);
    const rows = JSON.parse(text.trim() === '' ? '[]' : text) as Row[];
    return rows.filter((row) => Object.keys(row).length > 0);
  }

  index(name: string): number {
    const row = this.json(`link show dev ${name}`)[0];
    if (typeof row?.['ifindex'] !== 'number') throw new Error(`${name} has no index`);
    return row['ifindex'];
  }
}

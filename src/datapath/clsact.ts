import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { BpfError, detachClsact, Program, queryClsact } from 'libbpf-ts';
import { generations } from './generation.js';
import { functionOf, type Direction, type ProgramName } from './load.js';

/** Our place among the filters of a clsact qdisc. */
const place = { priority: 147, handle: 1 } as const;

/** Puts a program on the qdisc, in one step where another one of ours is there. */
export function attachFilter(
  ifindex: number,
  direction: Direction,
  program: Program,
): 'nothing' | 'attached' | 'replaced' {
  const there = filterOn(ifindex, direction);
  if (there === program.info.id) return 'nothing';
  const replace = there !== undefined;
  using _ = program.attach({ kind: 'clsact', ifindex, direction, ...place, replace });
  return replace ? 'replaced' : 'attached';
}

/** Id of the program in our place; undefined when nothing is there, or no such interface. */
export function filterOn(ifindex: number, direction: Direction): number | undefined {
  try {
    return queryClsact({ ifindex, direction, ...place })?.programId;
  } catch (cause) {
    if (cause instanceof BpfError && cause.code === 'ENODEV') return undefined;
    throw cause;
  }
}

/** Takes the filter in our place off, if its program is one of these. */
export function detachFilter(
  ifindex: number,
  direction: Direction,
  programIds: ReadonlySet<number>,
): boolean {
  const id = filterOn(ifindex, direction);
  return id !== undefined && programIds.has(id) && detachClsact({ ifindex, direction, ...place });
}

/** Ids that one of our programs has in any of our generations. */
export function pinnedProgramIds(pins: string, name: ProgramName): ReadonlySet<number> {
  const paths = generations(pins)
    .flatMap((generation) =>
      generation.builds().map((build) => generation.program(build, functionOf(name))),
    )
    .filter((path) => existsSync(path));
  return new Set(
    paths.map((path) => {
      using program = Program.open(path);
      return program.info.id;
    }),
  );
}

/** Whether an interface has a clsact qdisc: one that was there before us stays when we go. */
export function hasClsact(name: string): boolean {
  const text = execFileSync('tc', ['-j', 'qdisc', 'show', 'dev', name], { encoding: 'utf8' });
  const qdiscs = JSON.parse(text === '' ? '[]' : text) as readonly { readonly kind?: string }[];
  return qdiscs.some(({ kind }) => kind === 'clsact');
}

/** Removes a clsact qdisc of ours that nobody else has put filters on. */
export function removeEmptyClsact(name: string): boolean {
  const isEmpty = ['ingress', 'egress'].every(
    (direction) =>
      execFileSync('tc', ['filter', 'show', 'dev', name, direction], {
        encoding: 'utf8',
      }).trim() === '',
  );
  if (isEmpty && hasClsact(name)) {
    execFileSync('tc', ['qdisc', 'del', 'dev', name, 'clsact']);
    return true;
  }
  return false;
}

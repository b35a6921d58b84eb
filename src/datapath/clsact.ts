import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { BpfError, detachClsact, Program, queryClsact, type ClsactHook } from 'libbpf-ts';
import { generations } from './generation.js';
import { functionOf, type ProgramName } from './load.js';
import { ifOfThisKind } from './pin.js';

/** A side of an interface's clsact qdisc. */
export type Side = Pick<ClsactHook, 'ifindex' | 'direction'>;

/** A program's place among the filters of a clsact qdisc: lower priorities come first, the backstop behind the others. */
export function filterPlace(name: ProgramName): Required<Pick<ClsactHook, 'priority' | 'handle'>> {
  return { priority: name === 'backstop' ? 148 : 147, handle: 1 };
}

/** Puts a program on the qdisc, in one step where another one of ours is there. */
export function attachFilter(
  name: ProgramName,
  side: Side,
  program: Program,
): 'nothing' | 'attached' | 'replaced' {
  const there = filterOn(name, side);
  if (there === program.info.id) return 'nothing';
  const replace = there !== undefined;
  using _ = program.attach({ kind: 'clsact', ...side, ...filterPlace(name), replace });
  return replace ? 'replaced' : 'attached';
}

/** Id of what is in a program's place; undefined when nothing is there, or no such interface. */
export function filterOn(name: ProgramName, { ifindex, direction }: Side): number | undefined {
  try {
    return queryClsact({ ifindex, direction, ...filterPlace(name) })?.programId;
  } catch (cause) {
    if (cause instanceof BpfError && cause.code === 'ENODEV') return undefined;
    throw cause;
  }
}

/** Takes the filter in a program's place off, if its program is one of these. */
export function detachFilter(
  name: ProgramName,
  { ifindex, direction }: Side,
  programIds: ReadonlySet<number>,
): boolean {
  const side = { ifindex, direction };
  const id = filterOn(name, side);
  return id !== undefined && programIds.has(id) && detachClsact({ ...side, ...filterPlace(name) });
}

/** Ids that one of our programs has in any of our generations. */
export function pinnedProgramIds(pins: string, name: ProgramName): ReadonlySet<number> {
  const paths = generations(pins)
    .flatMap((generation) =>
      generation.builds().map((build) => generation.program(build, functionOf(name))),
    )
    .filter((path) => existsSync(path));
  return new Set(
    paths.flatMap((path) => {
      using program = ifOfThisKind(() => Program.open(path));
      return program?.info.id ?? [];
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

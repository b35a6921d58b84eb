import { existsSync } from 'node:fs';
import { Link, Program, type ProgramInfo } from 'libbpf-ts';
import { filterOn } from './clsact.js';
import type { Generation } from './generation.js';
import { directionOf, functionOf, programNames, type Direction, type ProgramName } from './load.js';
import { memlockOf } from './memlock.js';
import { ifOfThisKind } from './pin.js';

/** A program of ours in the kernel, attached or not. */
export interface PinnedProgram {
  readonly program: ProgramName;
  /** Object and configuration that it was loaded with. */
  readonly build: string;
  readonly info: ProgramInfo;
  /** Kernel memory, in bytes; undefined where the kernel does not say. */
  readonly memlockBytes: number | undefined;
  readonly places: readonly ProgramPlace[];
}

export interface ProgramPlace {
  readonly index: number;
  readonly direction: Direction;
  readonly attach: 'tcx' | 'clsact';
}

/** Bytes of one BPF instruction. */
export const instructionBytes = 8;

/** The programs that a generation has pinned, in the order in which they go on. `indices`: interfaces whose filters are looked at. */
export function pinnedPrograms(
  generation: Generation,
  indices: readonly number[],
): readonly PinnedProgram[] {
  const links = linksOf(generation);
  return generation.builds().flatMap((build) =>
    programNames.flatMap((program): PinnedProgram[] => {
      const pin = generation.program(build, functionOf(program));
      if (!existsSync(pin)) return [];
      using opened = ifOfThisKind(() => Program.open(pin));
      if (opened === undefined) return [];
      const { info } = opened;
      const byLink = links.filter(({ programId }) => programId === info.id);
      const places =
        byLink.length > 0
          ? byLink.map(({ ifindex: index, direction }) => ({
              index,
              direction,
              attach: 'tcx' as const,
            }))
          : filtersOf(program, info.id, indices);
      return [{ program, build, info, memlockBytes: memlockOf('prog').get(info.id), places }];
    }),
  );
}

/** Of interfaces that are there; the link of one that is gone holds on to nothing. */
function linksOf(generation: Generation): readonly Link['info'][] {
  return generation.links().flatMap((name) => {
    using link = ifOfThisKind(() => Link.open(generation.link(name)));
    return link === undefined || link.info.ifindex === 0 ? [] : [link.info];
  });
}

function filtersOf(
  program: ProgramName,
  id: number,
  indices: readonly number[],
): readonly ProgramPlace[] {
  const direction = directionOf(program);
  return indices
    .filter((ifindex) => filterOn(program, { ifindex, direction }) === id)
    .map((index) => ({ index, direction, attach: 'clsact' as const }));
}

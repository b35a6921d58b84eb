import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { BpfError, features, kernel, Link, type Program } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import { attachFilter, detachFilter, filterOn, pinnedProgramIds } from './clsact.js';
import { Generation } from './generation.js';
import { directions, programName, type Direction, type Loaded } from './load.js';
import { refused } from './rejected.js';
import type { Uplink } from './uplink.js';

/** How the programs hang on the uplink. */
export type AttachKind = 'tcx' | 'clsact';

/** What an attach did for one direction: nothing, when the program was in its place already. */
export interface Attached {
  readonly direction: Direction;
  readonly did: 'nothing' | 'attached' | 'replaced';
}

/** TCX where the kernel has it (6.6), else clsact; a choice of the user is taken or refused, never changed. */
export function attachKind(chosen: AttachKind | 'auto'): AttachKind {
  if (chosen === 'clsact') return 'clsact';
  if (features.tcx()) return 'tcx';
  if (chosen === 'auto') return 'clsact';
  throw new EncapError(`cannot attach by TCX: this kernel (${kernel.release}) has none`, {
    code: 'FEATURE_MISSING',
    why: 'TCX came with Linux 6.6',
    hint: 'start with --attach clsact',
  });
}

/** Both programs on the uplink. Holds the links: they stay even when someone removes the pins. */
export class Attachment implements Disposable {
  readonly #links = new Map<Direction, Link>();

  constructor(readonly kind: AttachKind) {}

  /** Receiving before sending (R1); replaces older programs atomically. */
  attach(loaded: Loaded, uplink: Uplink): readonly Attached[] {
    return directions.map((direction) => ({
      direction,
      did: this.#attachOne(direction, loaded, uplink),
    }));
  }

  /** Whether both programs are where they were put: someone else may have taken them off. */
  isIntact({ programs, generation }: Loaded, uplink: Uplink): boolean {
    return directions.every((direction) => {
      const { id } = programs[direction].info;
      if (this.kind === 'clsact') return filterOn(uplink.index, direction) === id;
      const info = this.#links.get(direction)?.info;
      return (
        info?.ifindex === uplink.index &&
        info.programId === id &&
        existsSync(generation.link(direction))
      );
    });
  }

  [Symbol.dispose](): void {
    for (const link of this.#links.values()) link[Symbol.dispose]();
    this.#links.clear();
  }

  #attachOne(direction: Direction, { programs, generation }: Loaded, uplink: Uplink) {
    const program = programs[direction];
    try {
      if (this.kind === 'tcx') return this.#attachTcx(direction, program, generation, uplink);
      const did = attachFilter(uplink.index, direction, program);
      for (const link of this.#ours(direction, generation)) drop(link);
      for (const pin of linkPins(direction, generation)) rmSync(pin, { force: true });
      return did;
    } catch (cause) {
      if (cause instanceof BpfError)
        throw refused(`attach ${programName(direction)} to ${uplink.name} ${direction}`, cause);
      throw cause;
    }
  }

  #attachTcx(
    direction: Direction,
    program: Program,
    generation: Generation,
    uplink: Uplink,
  ): Attached['did'] {
    const ours = this.#ours(direction, generation);
    const there = ours.find(({ info }) => info.ifindex === uplink.index);
    for (const link of ours) if (link !== there && link.info.id !== there?.info.id) drop(link);

    const own = generation.link(direction);
    if (there === undefined) {
      const link = program.attach({
        kind: 'tcx',
        ifindex: uplink.index,
        direction,
        position: { at: 'head' },
      });
      rmSync(own, { force: true }); // of a link whose interface is gone
      this.#hold(direction, link, generation);
      // Of a run with --attach clsact: two of us on one hook would count each packet twice.
      detachFilter(uplink.index, direction, pinnedProgramIds(generation.pins, direction));
      return 'attached';
    }
    const isOther = there.info.programId !== program.info.id;
    if (isOther) there.update(program);
    this.#hold(direction, there, generation);
    return isOther ? 'replaced' : 'nothing';
  }

  #hold(direction: Direction, link: Link, generation: Generation): void {
    this.#links.set(direction, link);
    const own = generation.link(direction);
    if (!existsSync(own)) {
      mkdirSync(dirname(own), { recursive: true, mode: 0o700 });
      link.pin(own);
    }
    for (const pin of linkPins(direction, generation)) if (pin !== own) rmSync(pin);
  }

  /** The link that we hold, or those that this and earlier generations have pinned. */
  #ours(direction: Direction, generation: Generation): Link[] {
    const held = this.#links.get(direction);
    if (held !== undefined) return [held];
    return linkPins(direction, generation).map((pin) => Link.open(pin));
  }
}

/** Of this generation, earlier ones, and folders that were set aside: whatever of ours may still be on a hook. */
function linkPins(direction: Direction, { pins }: Generation): string[] {
  return readdirSync(pins)
    .map((folder) => new Generation(pins, folder).link(direction))
    .filter((pin) => existsSync(pin));
}

/** Takes a link off the interface where the uplink was; that of a deleted interface is off already. */
function drop(link: Link): void {
  if (link.info.ifindex !== 0) link.detach();
  link[Symbol.dispose]();
}

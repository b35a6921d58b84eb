import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { BpfError, features, kernel, Link, type Program, type Hook as AttachHook } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import {
  attachFilter,
  detachFilter,
  filterOn,
  filterPlace,
  pinnedProgramIds,
  removeEmptyClsact,
  type Side,
} from './clsact.js';
import { withForeign, type Generation } from './generation.js';
import { cutterNames } from './cutter.js';
import type { Cutter } from './cutting.js';
import { directions, functionOf, type Direction, type Loaded, type ProgramName } from './load.js';
import { ifOfThisKind } from './pin.js';
import { refused } from './rejected.js';
import type { Uplink } from './uplink.js';

/** How the programs hang on their interfaces. */
export type AttachKind = 'tcx' | 'clsact';

/** What an attach did for one program: nothing, when it was in its place already. */
export interface Attached {
  readonly program: ProgramName;
  readonly interface: string;
  readonly did: 'nothing' | 'attached' | 'replaced';
}

/** Where a program hangs. */
export interface Hook {
  readonly program: ProgramName;
  /** What its link is pinned as. */
  readonly pin: string;
  readonly interface: string;
  readonly index: number;
  readonly direction: Direction;
}

/** An interface by both its names. */
export interface Place {
  readonly name: string;
  readonly index: number;
}

/** The places of all programs, in the order in which they go on. `workloads`: interfaces that shortcuts begin at. */
export function hooksOf(
  uplink: Pick<Uplink, 'name' | 'index'>,
  cutter: Cutter['ends'],
  workloads: readonly Place[] = [],
): readonly Hook[] {
  const at = { interface: uplink.name, index: uplink.index };
  return [
    ...(cutter === undefined
      ? []
      : [
          {
            program: 'cutter',
            pin: 'cutter',
            interface: cutterNames.out,
            index: cutter.out,
            direction: 'ingress',
          } as const,
        ]),
    ...directions.map((direction) => ({ ...at, program: direction, pin: direction, direction })),
    { ...at, program: 'backstop', pin: 'backstop', direction: 'egress' },
    ...workloads.map(({ name, index }) => ({
      program: 'workload' as const,
      pin: workloadPin(index),
      interface: name,
      index,
      direction: 'ingress' as const,
    })),
  ];
}

/** Where a program hangs, as libbpf-ts takes it: first on its hook, but for the backstop, which is behind those that are. */
export function placed(hook: Hook, kind: AttachKind): AttachHook {
  const { program } = hook;
  if (kind === 'clsact') return { kind, ...sideOf(hook), ...filterPlace(program) };
  return { kind, ...sideOf(hook), position: { at: program === 'backstop' ? 'tail' : 'head' } };
}

function sideOf({ index, direction }: Pick<Hook, 'index' | 'direction'>): Side {
  return { ifindex: index, direction };
}

/** A BPF file system takes no dots, and interface names have some: so the index. */
export function workloadPin(index: number): string {
  return `workload-${index}`;
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

/** The programs in their places. Holds the links: they stay even when someone removes the pins. */
export class Attachment implements Disposable {
  readonly #links = new Map<string, Link>();

  constructor(readonly kind: AttachKind) {}

  /** In the order of the hooks; replaces older programs atomically. `all`: every interface that there is. */
  attach(loaded: Loaded, hooks: readonly Hook[], all: readonly Place[]): readonly Attached[] {
    // TCX comes before clsact: a backstop there would be in front of what it stands behind.
    if (this.kind === 'clsact') this.#forget('backstop', loaded.generation);
    const attached = hooks.map((hook) => ({
      program: hook.program,
      interface: hook.interface,
      did: this.#attachOne(hook, loaded),
    }));
    const { generation } = loaded;
    for (const pin of new Set([...this.#links.keys(), ...pinsOf(generation)]))
      if (!hooks.some((hook) => hook.pin === pin)) this.#forget(pin, generation);
    this.#takeOffFilters(generation, hooks, all);
    return attached;
  }

  /** Whether all programs are where they were put: someone else may have taken them off. */
  isIntact({ programs, generation }: Loaded, hooks: readonly Hook[]): boolean {
    return hooks.every(({ program, pin, index, direction }) => {
      const id = programs[program]?.info.id;
      if (this.kind === 'clsact') return filterOn(program, sideOf({ index, direction })) === id;
      const info = this.#links.get(pin)?.info;
      return info?.ifindex === index && info.programId === id && existsSync(generation.link(pin));
    });
  }

  [Symbol.dispose](): void {
    for (const link of this.#links.values()) link[Symbol.dispose]();
    this.#links.clear();
  }

  #attachOne(hook: Hook, { programs, generation }: Loaded): Attached['did'] {
    const program = programs[hook.program];
    if (program === undefined)
      throw new TypeError(`the object has no program ${functionOf(hook.program)}`);
    try {
      if (this.kind === 'tcx') return this.#attachTcx(hook, program, generation);
      const did = attachFilter(hook.program, sideOf(hook), program);
      this.#forget(hook.pin, generation);
      return did;
    } catch (cause) {
      if (cause instanceof BpfError)
        throw refused(
          `attach ${functionOf(hook.program)} to ${hook.interface} ${hook.direction}`,
          cause,
        );
      throw cause;
    }
  }

  #attachTcx(hook: Hook, program: Program, generation: Generation): Attached['did'] {
    const ours = this.#ours(hook.pin, generation);
    const there = ours.find(({ info }) => info.ifindex === hook.index);
    for (const link of ours) if (link !== there && link.info.id !== there?.info.id) drop(link);
    if (there === undefined) this.#links.delete(hook.pin); // the attach may fail: the interface came and went

    const own = generation.link(hook.pin);
    if (there === undefined) {
      const link = program.attach(placed(hook, 'tcx'));
      rmSync(own, { force: true }); // of a link whose interface is gone
      this.#hold(hook.pin, link, generation);
      // Of a run with --attach clsact: two of us on one hook would count each packet twice.
      const ids = pinnedProgramIds(generation.pins, hook.program);
      detachFilter(hook.program, sideOf(hook), ids);
      return 'attached';
    }
    const isOther = there.info.programId !== program.info.id;
    if (isOther) there.update(program);
    this.#hold(hook.pin, there, generation);
    return isOther ? 'replaced' : 'nothing';
  }

  #hold(name: string, link: Link, generation: Generation): void {
    this.#links.set(name, link);
    const own = generation.link(name);
    if (!existsSync(own)) {
      mkdirSync(dirname(own), { recursive: true, mode: 0o700 });
      link.pin(own);
    }
    for (const pin of linkPins(name, generation)) if (pin !== own) rmSync(pin);
  }

  /** Takes a program off wherever it hangs by a link. */
  #forget(name: string, generation: Generation): void {
    for (const link of this.#ours(name, generation)) drop(link);
    for (const pin of linkPins(name, generation)) rmSync(pin, { force: true });
    this.#links.delete(name);
  }

  /** Filters of ours on interfaces that no workload is behind, or no shortcut begins at any more. */
  #takeOffFilters(generation: Generation, hooks: readonly Hook[], all: readonly Place[]): void {
    if (this.kind !== 'clsact') return;
    const ids = pinnedProgramIds(generation.pins, 'workload');
    if (ids.size === 0) return;
    for (const { name, index } of all)
      if (
        !hooks.some((hook) => hook.index === index) &&
        detachFilter('workload', { ifindex: index, direction: 'ingress' }, ids)
      )
        removeEmptyClsact(name);
  }

  /** The link that we hold, or those that this and earlier generations have pinned. */
  #ours(name: string, generation: Generation): Link[] {
    const held = this.#links.get(name);
    if (held !== undefined) return [held];
    return linkPins(name, generation).flatMap((pin) => ifOfThisKind(() => Link.open(pin)) ?? []);
  }
}

/** Of this generation, earlier ones, and folders that were set aside: whatever of ours may still be on a hook. */
function linkPins(name: string, { pins }: Generation): string[] {
  return withForeign(pins)
    .map((generation) => generation.link(name))
    .filter((pin) => existsSync(pin));
}

/** Names of all links that are pinned there. */
function pinsOf({ pins }: Generation): string[] {
  return withForeign(pins).flatMap((generation) => generation.links());
}

/** Takes a link off the interface where it is; that of a deleted interface is off already. */
function drop(link: Link): void {
  if (link.info.ifindex !== 0) link.detach();
  link[Symbol.dispose]();
}

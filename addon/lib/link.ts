import { isEgress } from './direction.js';
import type { Direction } from './direction.js';
import { handle } from './handle.js';
import { native } from './native.js';
import type { NativeLink } from './native.js';
import { Pin } from './pin.js';
import type { Program } from './program.js';

export interface LinkInfo {
  /** 0 for clsact, which has no link. */
  readonly id: number;
  readonly programId: number;
  /** 0 when the interface is gone. */
  readonly ifindex: number;
  readonly direction: Direction;
  /** Of clsact. */
  readonly priority?: number;
  readonly handle?: number;
}

/** What holds a program on a hook: a kernel link, or a filter of clsact. */
export interface Attachment {
  readonly kind: 'tcx' | 'clsact' | 'xdp';
  info(): LinkInfo;
  update(program: Program): void;
  detach(): void;
  pin(path: string): void;
  unpin(): void;
  close(): void;
}

/**
 * A program on a hook. Closing gives back the handle: a TCX or XDP link that is not pinned goes with it, a pinned one
 * and a clsact filter stay. detach() takes the program off.
 */
export class Link implements Disposable {
  readonly #attachment: Attachment;

  /** Made by `Program.attach()` and `Link.open()`. */
  constructor(attachment: Attachment) {
    this.#attachment = attachment;
  }

  /** A pinned TCX or XDP link. */
  static open(path: string): Link {
    return new Link(new KernelLink(native.openPin('link', path), path));
  }

  get kind(): 'tcx' | 'clsact' | 'xdp' {
    return this.#attachment.kind;
  }

  get info(): LinkInfo {
    return this.#attachment.info();
  }

  /** Atomic: each packet meets the old program or the new one. */
  update(program: Program): void {
    this.#attachment.update(program);
  }

  detach(): void {
    this.#attachment.detach();
  }

  pin(path: string): void {
    this.#attachment.pin(path);
  }

  unpin(): void {
    this.#attachment.unpin();
  }

  [Symbol.dispose](): void {
    this.#attachment.close();
  }
}

const BPF_LINK_TYPE_XDP = 6;
const BPF_TCX_EGRESS = 47;

/** A BPF link. */
export class KernelLink implements Attachment {
  readonly kind: 'tcx' | 'xdp';
  readonly #link: NativeLink;
  readonly #pin: Pin;

  constructor(link: NativeLink, pinPath?: string) {
    this.#link = link;
    this.kind = link.info().type === BPF_LINK_TYPE_XDP ? 'xdp' : 'tcx';
    this.#pin = new Pin('the link', pinPath);
  }

  info(): LinkInfo {
    const { id, programId, ifindex, attachType } = this.#link.info();
    const direction = attachType === BPF_TCX_EGRESS ? 'egress' : 'ingress';
    return { id, programId, ifindex, direction };
  }

  update(program: Program): void {
    this.#link.update(program[handle]);
  }

  detach(): void {
    this.#link.detach();
  }

  pin(path: string): void {
    this.#pin.put(this.#link, path);
  }

  unpin(): void {
    this.#pin.remove();
  }

  close(): void {
    this.#link.close();
  }
}

/** Names one cls_bpf filter. */
export interface ClsactPlace {
  readonly ifindex: number;
  readonly direction: Direction;
  readonly priority: number;
  readonly handle: number;
}

/** A cls_bpf filter in direct-action mode. It has no handle of its own: its place is its name. */
export class ClsactFilter implements Attachment {
  readonly kind = 'clsact';
  readonly #place: ClsactPlace;
  readonly #subject: string;
  #closed = false;

  constructor(place: ClsactPlace, subject: string) {
    this.#place = place;
    this.#subject = subject;
  }

  info(): LinkInfo {
    this.#refuseClosed();
    const found = queryClsact(this.#place);
    const { ifindex, direction, priority, handle: number } = this.#place;
    return {
      id: 0,
      programId: found?.programId ?? 0,
      ifindex: found === undefined ? 0 : ifindex,
      direction,
      priority,
      handle: number,
    };
  }

  update(program: Program): void {
    this.#refuseClosed();
    const { ifindex, direction, priority, handle: number } = this.#place;
    native.attachClsact(
      ifindex,
      isEgress(direction),
      priority,
      number,
      program[handle],
      true,
      this.#subject,
    );
  }

  detach(): void {
    this.#refuseClosed();
    detachClsact(this.#place);
  }

  pin(): void {
    throw new TypeError('a clsact filter cannot be pinned: it stays without');
  }

  unpin(): void {
    throw new Error('a clsact filter is not pinned');
  }

  close(): void {
    this.#closed = true;
  }

  #refuseClosed(): void {
    if (this.#closed) throw new Error(`the filter of ${this.#subject} is closed`);
  }
}

/** The cls_bpf filter at a place; undefined where there is none, or no clsact qdisc. */
export function queryClsact(at: ClsactPlace): { readonly programId: number } | undefined {
  const programId = native.queryClsact(at.ifindex, isEgress(at.direction), at.priority, at.handle);
  return programId === undefined ? undefined : { programId };
}

/** Takes a filter off; false where there was none. The qdisc stays: others may use it. */
export function detachClsact(at: ClsactPlace): boolean {
  return native.detachClsact(at.ifindex, isEgress(at.direction), at.priority, at.handle);
}

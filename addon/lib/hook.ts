import { constants, release } from 'node:os';
import { isEgress } from './direction.js';
import type { Direction } from './direction.js';
import { BpfError } from './error.js';
import { handle } from './handle.js';
import { ClsactFilter, KernelLink, Link } from './link.js';
import { native } from './native.js';
import type { Program } from './program.js';

/** Where on the hook; the end when nothing is said. */
export type Position =
  { readonly at: 'head' | 'tail' } | { readonly before: Program } | { readonly after: Program };

export interface TcxHook {
  readonly kind: 'tcx';
  readonly ifindex: number;
  readonly direction: Direction;
  readonly position?: Position;
  /** Attach only if the hook is still as `query()` saw it; else a BpfError ESTALE. */
  readonly revision?: bigint;
}

export interface ClsactHook {
  readonly kind: 'clsact';
  readonly ifindex: number;
  readonly direction: Direction;
  /** The kernel chooses when left out; lower ones run first. */
  readonly priority?: number;
  readonly handle?: number;
  /** Takes the place of a filter with the same priority and handle, atomically. */
  readonly replace?: boolean;
}

export interface XdpHook {
  readonly kind: 'xdp';
  readonly ifindex: number;
  /** The kernel chooses when left out: native where the driver can. */
  readonly mode?: 'native' | 'generic';
}

/** What a program is attached to. */
export type Hook = TcxHook | ClsactHook | XdpHook;

/** enum bpf_attach_type */
const attachTypes = { xdp: 37, ingress: 46, egress: 47 } as const;
const BPF_F_BEFORE = 1 << 3;
const BPF_F_AFTER = 1 << 4;
const xdpModes = { native: 1 << 2, generic: 1 << 1 } as const; // XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE

/** Attaches; the link decides for how long. */
export function attach(program: Program, hook: Hook): Link {
  switch (hook.kind) {
    case 'tcx':
      return attachTcx(program, hook);
    case 'clsact':
      return attachClsact(program, hook);
    case 'xdp':
      return attachXdp(program, hook);
    default:
      throw new TypeError(`no hook has the kind ${String((hook as { kind?: unknown }).kind)}`);
  }
}

function attachTcx(program: Program, hook: TcxHook): Link {
  const { flags, relative } = place(hook.position);
  const subject = subjectOf(program, hook.ifindex, hook.direction);
  try {
    return new Link(
      new KernelLink(
        native.createLink(
          program[handle],
          hook.ifindex,
          attachType(hook.direction),
          flags,
          relative?.[handle],
          hook.revision ?? 0n,
          subject,
        ),
      ),
    );
  } catch (error) {
    if (error instanceof BpfError && error.errno === constants.errno.EINVAL && !hasTcx())
      throw new BpfError({
        operation: 'attach',
        object: subject,
        errno: error.errno,
        cause: `this kernel (${release()}) has no TCX, it came with 6.6`,
        hint: 'attach with kind clsact, which all kernels have',
      });
    throw error;
  }
}

function place(position: Position | undefined): { flags: number; relative?: Program } {
  if (position === undefined) return { flags: 0 };
  if ('before' in position) return { flags: BPF_F_BEFORE, relative: position.before };
  if ('after' in position) return { flags: BPF_F_AFTER, relative: position.after };
  return { flags: position.at === 'head' ? BPF_F_BEFORE : BPF_F_AFTER };
}

function attachClsact(program: Program, hook: ClsactHook): Link {
  native.createClsact(hook.ifindex);
  const { ifindex, direction } = hook;
  const subject = subjectOf(program, ifindex, direction);
  const { priority, handle: given } = native.attachClsact(
    ifindex,
    isEgress(direction),
    hook.priority ?? 0,
    hook.handle ?? 0,
    program[handle],
    hook.replace ?? false,
    subject,
  );
  return new Link(new ClsactFilter({ ifindex, direction, priority, handle: given }, subject));
}

function attachXdp(program: Program, hook: XdpHook): Link {
  const flags = hook.mode === undefined ? 0 : xdpModes[hook.mode];
  const subject = subjectOf(program, hook.ifindex, 'XDP');
  return new Link(
    new KernelLink(
      native.createLink(
        program[handle],
        hook.ifindex,
        attachTypes.xdp,
        flags,
        undefined,
        0n,
        subject,
      ),
    ),
  );
}

/** Programs on a TCX hook, in the order in which packets meet them. */
export function query(hook: {
  readonly kind: 'tcx';
  readonly ifindex: number;
  readonly direction: Direction;
}): {
  readonly revision: bigint;
  readonly programs: readonly { readonly programId: number; readonly linkId: number }[];
} {
  const { revision, programIds, linkIds } = native.queryPrograms(
    hook.ifindex,
    attachType(hook.direction),
  );
  return {
    revision,
    programs: programIds.map((programId, index) => ({ programId, linkId: linkIds[index] ?? 0 })),
  };
}

/** Asks the hook of the loopback interface, which each namespace has: changes nothing. */
export function hasTcx(): boolean {
  try {
    native.queryPrograms(1, attachTypes.ingress);
    return true;
  } catch (error) {
    if (error instanceof BpfError && error.errno === constants.errno.EINVAL) return false;
    throw error;
  }
}

function attachType(direction: Direction): number {
  return isEgress(direction) ? attachTypes.egress : attachTypes.ingress;
}

function subjectOf(program: Program, ifindex: number, where: string): string {
  return `${program.name} to ${native.interfaceName(ifindex) ?? `interface ${ifindex}`} ${where}`;
}

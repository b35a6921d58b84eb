import type { BigIntStats } from 'node:fs';

/** What tells an edition of a file from the next one, without reading it. */
export interface Stamp {
  readonly device: bigint;
  readonly inode: bigint;
  readonly size: bigint;
  /** When its content changed last, in nanoseconds of the wall clock. */
  readonly mtime: bigint;
  /** When anything of it changed last, its name too. */
  readonly ctime: bigint;
}

export function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): Stamp {
  return { device: dev, inode: ino, size, mtime: mtimeNs, ctime: ctimeNs };
}

export function sameStamp(a: Stamp, b: Stamp): boolean {
  return isSameFile(a, b) && a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime;
}

export function isSameFile(a: Stamp, b: Stamp): boolean {
  return a.device === b.device && a.inode === b.inode;
}

/** The kernel's clock of files ticks every few milliseconds: two writes within one tick look like one. */
const tickNs = 20_000_000n;

/** Whether a file may have been written once more after this moment without its stamp showing it. */
export function isTooFresh({ mtime, ctime }: Stamp, nowMs: number): boolean {
  const last = mtime > ctime ? mtime : ctime;
  return BigInt(Math.floor(nowMs)) * 1_000_000n - last < tickNs;
}

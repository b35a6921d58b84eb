import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';

/** Readers see the old file or the whole new one, never a part, even after a crash. */
export function writeAtomically(file: string, content: string | Uint8Array): void {
  const beside = `${file}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  const handle = openSync(beside, 'wx', 0o644);
  try {
    writeFileSync(handle, content); // whole: one write(2) to a disk that is nearly full may take a part
    fsyncSync(handle);
    renameSync(beside, file);
  } catch (failure) {
    rmSync(beside, { force: true }); // a full disk gets no fuller with each attempt
    throw failure;
  } finally {
    closeSync(handle);
  }
}

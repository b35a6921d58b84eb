import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';

/** Readers see the old file or the whole new one, never a part, even after a crash. */
export function writeAtomically(file: string, content: string | Uint8Array): void {
  const beside = `${file}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  const handle = openSync(beside, 'wx', 0o644);
  try {
    writeSync(handle, typeof content === 'string' ? Buffer.from(content) : content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(beside, file);
}

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { EncapError } from '../errors.js';

/** Where a capture goes. */
export interface CaptureFile {
  readonly into: Writable;
  /** Once all is written. */
  readonly end: () => Promise<void>;
}

/** Standard output, `-`, must not be a terminal. */
export function refuseTerminal(path: string): void {
  if (path === '-' && process.stdout.isTTY)
    throw new EncapError('cannot write a capture to a terminal: it is no text', {
      code: 'USAGE',
      hint: 'pipe it: -w - | tshark -r -; or name a file: -w packets.pcapng',
    });
}

/** A file, or standard output for `-`. */
export async function captureFile(path: string): Promise<CaptureFile> {
  if (path === '-') return { into: process.stdout, end: () => Promise.resolve() };
  const into = createWriteStream(path);
  try {
    await once(into, 'open');
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    throw new EncapError(`cannot write ${path}: ${code}`, {
      code: code === 'EACCES' || code === 'EPERM' ? 'PERMISSION' : 'FILE_UNREADABLE',
      hint: 'name a file in a folder that is there and that you may write to',
      place: { file: path },
      cause,
    });
  }
  return { into, end: () => new Promise((done) => into.end(done)) };
}

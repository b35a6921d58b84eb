import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** A file that root or this user has written, and nobody else could: it says what may be taken away, or be put back. */
export function readOwn(path: string): string | undefined {
  let fd: number;
  try {
    // O_NONBLOCK: a pipe that someone put there must not hold us up.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO') return undefined;
    throw cause;
  }
  try {
    const status = fstatSync(fd);
    const isOurs = status.uid === 0 || status.uid === process.getuid?.();
    return status.isFile() && isOurs && (status.mode & 0o022) === 0
      ? readFileSync(fd, 'utf8')
      : undefined;
  } finally {
    closeSync(fd);
  }
}

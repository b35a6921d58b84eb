import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { EncapError } from '../errors.js';

/** A file that decides what this node does or who it is. */
export interface TrustedFile {
  readonly path: string;
  /** `configuration`, `key`. */
  readonly noun: string;
  /** Nobody else may write it; not everybody may read a secret; what is no configuration is a link where it is mounted. */
  readonly kind: 'configuration' | 'certificate' | 'secret';
}

/** Opens a file whose owner and mode are as they have to be. It is the open file that was looked at, not its path. */
export async function openTrusted({ path, noun, kind }: TrustedFile): Promise<FileHandle> {
  // O_NONBLOCK: a pipe that someone put there must not hold us up.
  const flags =
    constants.O_RDONLY |
    constants.O_NONBLOCK |
    (kind === 'configuration' ? constants.O_NOFOLLOW : 0);
  const refuse = (code: string, cause?: unknown): never => refused({ path, noun, code, cause });
  const handle = await open(path, flags).catch((error: unknown) => refuse(codeOf(error), error));
  try {
    const status = await handle.stat();
    const self = process.getuid?.() ?? 0;
    if (!status.isFile()) refuse('ENOTFILE');
    if (status.uid !== 0 && status.uid !== self) refuse('EOWNER');
    if ((status.mode & 0o022) !== 0) refuse('EMODE');
    if (kind === 'secret' && (status.mode & 0o004) !== 0) refuse('EPUBLIC');
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

interface Refusal {
  readonly path: string;
  readonly noun: string;
  readonly code: string;
  readonly cause: unknown;
}

function refused({ path, noun, code, cause }: Refusal): never {
  const [why, hint] = reasons[code] ?? [String(cause), 'name a readable file'];
  throw new EncapError(`cannot read ${noun} ${path}: ${code}: ${why}`, {
    code: 'FILE_UNREADABLE',
    hint: hint.replace('FILE', path),
    place: { file: path },
    ...(cause === undefined ? {} : { cause }),
  });
}

const reasons: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  ENOENT: ['there is no such file', 'write it: encap help config'],
  EACCES: ['this user may not read it', 'sudo encap run'],
  ELOOP: ['it is a symbolic link', 'name the file itself'],
  ENOTFILE: ['it is no file', 'name a file; folders of resources belong into datastore.paths'],
  EOWNER: ['it belongs neither to root nor to this user', 'sudo chown root FILE'],
  EMODE: ['others may write it', 'sudo chmod go-w FILE'],
  EPUBLIC: ['everybody may read it', 'sudo chmod o-r FILE; of a mounted Secret: defaultMode 0400'],
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

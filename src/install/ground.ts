import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EncapError } from '../errors.js';

/** What is, or belongs, at a place: one word, so that two of them are compared with `===`. */
export type Mark = string;

/** A file, a symbolic link or a folder to be made. */
export type Content =
  | { readonly kind: 'folder' }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'file'; readonly text: string; readonly mode: number };

export function markOf(content: Content): Mark {
  switch (content.kind) {
    case 'folder':
      return 'folder';
    case 'link':
      return `link:${content.target}`;
    case 'file':
      return hashed(Buffer.from(content.text));
  }
}

/**
 * The file system below a root folder. All paths are absolute and count from there; none is followed through a
 * symbolic link, and none is trusted that somebody else could have put there.
 */
export class Ground {
  private constructor(readonly root: string) {}

  /** The root itself may be named through links: whoever names it knows. */
  static async below(root: string): Promise<Ground> {
    try {
      return new Ground(await realpath(root));
    } catch (cause) {
      throw new EncapError(`cannot install below ${root}: there is no such folder`, {
        code: 'INSTALL_REFUSED',
        hint: `mkdir -p ${root}, with a system in it`,
        cause,
      });
    }
  }

  /** Where a path really is. */
  at(path: string): string {
    return join(this.root, path);
  }

  /** What is there now; undefined: nothing. */
  markAt(path: string): Mark | undefined {
    const status = statusOf(this.at(path));
    if (status === undefined) return undefined;
    if (status.isDirectory()) return 'folder';
    if (status.isSymbolicLink()) return `link:${readlinkSync(this.at(path))}`;
    if (!status.isFile()) return 'other';
    return hashed(this.read(path));
  }

  /** A regular file's bytes; a link in its place is no file. */
  read(path: string): Buffer {
    const handle = openSync(
      this.at(path),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      if (!fstatSync(handle).isFile()) throw unsafe(this.at(path), 'it is no file');
      return readFileSync(handle);
    } finally {
      closeSync(handle);
    }
  }

  /** The folders on the way to a path that are not there yet, outermost first. */
  missingAbove(path: string): readonly string[] {
    return foldersAbove(path).filter((folder) => statusOf(this.at(folder)) === undefined);
  }

  /** Refuses a way that leads through a link, or through a folder that others than root and this user can write. */
  guard(path: string): void {
    for (const folder of ['/', ...foldersAbove(path)]) {
      const status = statusOf(this.at(folder));
      if (status === undefined) return;
      if (!status.isDirectory()) throw unsafe(this.at(folder), 'it is no folder');
      const why = whyUnsafe(status);
      if (why !== undefined) throw unsafe(this.at(folder), why);
    }
  }

  /** The same, and for the file at the end of the way. */
  guardFile(path: string): void {
    this.guard(path);
    const status = statusOf(this.at(path));
    const why =
      status?.isFile() === true ? whyUnsafe(status) : 'it is not there, or no regular file';
    if (why !== undefined) throw unsafe(this.at(path), why);
  }

  /** Makes it, in the place of whatever file or link is there; readers see the old one or the whole new one. */
  put(path: string, content: Content): void {
    this.guard(path);
    const place = this.at(path);
    if (content.kind === 'folder') {
      mkdirSync(place, 0o755);
      return;
    }
    const beside = `${place}.${randomBytes(6).toString('hex')}.tmp`;
    if (content.kind === 'link') symlinkSync(content.target, beside);
    else writeWhole(beside, content);
    renameSync(beside, place);
  }

  /** Takes away what has this mark; a folder must be empty. */
  remove(path: string, mark: Mark): void {
    this.guard(path);
    if (mark === 'folder') rmdirSync(this.at(path));
    else unlinkSync(this.at(path));
  }
}

/** Who may write there besides root and this user; group root is root. */
function whyUnsafe({ uid, gid, mode }: Stats): string | undefined {
  if (uid !== 0 && uid !== process.getuid?.()) return `it belongs to user ${uid}`;
  if ((mode & 0o002) !== 0) return 'everybody can write there';
  if ((mode & 0o020) !== 0 && gid !== 0 && gid !== process.getgid?.())
    return `group ${gid} can write there`;
  return undefined;
}

function unsafe(place: string, why: string): EncapError {
  return new EncapError(`cannot install by way of ${place}: ${why}`, {
    code: 'INSTALL_REFUSED',
    why: 'what root runs and reads must be nobody else’s to change',
    hint: `chown root:root ${place} and chmod go-w ${place}, or choose another place (--prefix, --root)`,
  });
}

function statusOf(place: string): Stats | undefined {
  return lstatSync(place, { throwIfNoEntry: false });
}

/** `/etc/encap/node.yaml` → `/etc`, `/etc/encap`. */
function foldersAbove(path: string): readonly string[] {
  const above: string[] = [];
  for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) above.unshift(folder);
  return above;
}

function writeWhole(beside: string, { text, mode }: Content & { readonly kind: 'file' }): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = openSync(beside, flags, 0o600);
  try {
    writeSync(handle, text);
    fchmodSync(handle, mode); // whatever the umask is
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function hashed(bytes: Uint8Array): Mark {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

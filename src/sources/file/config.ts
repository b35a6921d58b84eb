import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { EncapError } from '../../errors.js';
import type { Documents } from '../../model/document.js';
import { parse } from './parse.js';
import { collect } from './read.js';

/** `run`'s own configuration: whoever may write it rules the node's traffic, so its owner and mode are looked at. */
export async function readConfig(path: string): Promise<Documents> {
  // O_NONBLOCK: a pipe that someone put there must not hold us up.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  await using handle = await open(path, flags).catch((error: unknown) =>
    refuse(path, codeOf(error), error),
  );
  // The open file is looked at, not its path: nobody can exchange it in between.
  const status = await handle.stat();
  const self = process.getuid?.() ?? 0;
  if (!status.isFile()) refuse(path, 'ENOTFILE');
  if (status.uid !== 0 && status.uid !== self) refuse(path, 'EOWNER');
  if ((status.mode & 0o022) !== 0) refuse(path, 'EMODE');
  return parse(path, await collect(handle.createReadStream({ autoClose: false })));
}

function refuse(path: string, code: string, cause?: unknown): never {
  const [why, hint] = reasons[code] ?? [String(cause), 'name a readable file'];
  throw new EncapError(`cannot read configuration ${path}: ${code}: ${why}`, {
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
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EncapError } from '../errors.js';
import type { Ground } from './ground.js';
import type { Step } from './install.js';
import { manifestPath, readManifest } from './manifest.js';
import { enabledPath } from './things.js';

export interface UninstallOptions {
  readonly ground: Ground;
  /** Where an agent pins what is to outlive it; counts from the root. */
  readonly pins: string;
  readonly dryRun: boolean;
}

/** What was removed, and the folder that the package was unpacked to: it stays. */
export interface Uninstalled {
  readonly tree: string;
  readonly steps: readonly Step[];
}

/** Removes what `install` made and nobody changed since; refuses while the node's traffic needs it. */
export function uninstall({ ground, pins, dryRun }: UninstallOptions): Uninstalled {
  const manifest = readManifest(ground);
  if (manifest === undefined)
    throw new EncapError(`cannot uninstall: ${ground.at(manifestPath)} is not there`, {
      code: 'INSTALL_REFUSED',
      why: 'encap install writes it: this encap came otherwise, or was never installed',
      hint: 'a Debian package is removed by: apt-get remove encapd',
    });
  refuseInUse(ground, pins);
  const going = new Set([manifestPath]);
  const steps = [...manifest.things].reverse().map(({ path, marks }): Step => {
    const now = ground.markAt(path);
    if (now === undefined) return { action: 'gone', path, what: 'it is not there any more' };
    if (!marks.includes(now)) return { action: 'keep', path, what: 'it was changed since' };
    if (
      now === 'folder' &&
      readdirSync(ground.at(path)).some((name) => !going.has(join(path, name)))
    )
      return { action: 'keep', path, what: 'something else is in it' };
    going.add(path);
    if (!dryRun && manifestPath.startsWith(`${path}/`)) removeManifest(ground);
    if (!dryRun) ground.remove(path, now);
    return { action: 'remove', path, what: '' };
  });
  if (!dryRun) removeManifest(ground);
  return { tree: manifest.tree, steps };
}

function removeManifest(ground: Ground): void {
  const mark = ground.markAt(manifestPath);
  if (mark !== undefined) ground.remove(manifestPath, mark);
}

function refuseInUse(ground: Ground, pins: string): void {
  if (ground.markAt(pins) === 'folder' && readdirSync(ground.at(pins)).length > 0)
    throw new EncapError('cannot uninstall: the datapath is attached', {
      code: 'INSTALL_REFUSED',
      why: `${ground.at(pins)} is not empty; without this command nobody could take it off`,
      hint: 'systemctl disable --now encap && encap down, then again',
    });
  if (ground.markAt(enabledPath) !== undefined)
    throw new EncapError('cannot uninstall: the service is enabled', {
      code: 'INSTALL_REFUSED',
      why: `${ground.at(enabledPath)} is there`,
      hint: 'systemctl disable --now encap, then again',
    });
}

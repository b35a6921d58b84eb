import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MapInfo } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import { layouts } from './abi.js';

/** What makes two maps interchangeable; `MapInfo` and `OpenMap` both have it. */
export type Shape = Pick<MapInfo, 'name' | 'type' | 'keySize' | 'valueSize' | 'maxEntries'>;

/** Names a set of maps by their layout and size: another layout is another folder, filled beside the old one. */
export function generationOf(shapes: readonly Shape[]): string {
  const maps = [...shapes]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, keySize, valueSize, maxEntries }) => [
      name,
      type,
      keySize,
      valueSize,
      maxEntries,
    ]);
  const codecs = Object.values(layouts).map(({ layout }) => layout);
  return createHash('sha256')
    .update(JSON.stringify([maps, codecs]))
    .digest('hex')
    .slice(0, 16);
}

/** Where the parts of one generation are pinned. */
export class Generation {
  constructor(
    readonly pins: string,
    readonly name: string,
  ) {}

  get folder(): string {
    return join(this.pins, this.name);
  }

  map(name: string): string {
    return join(this.folder, 'maps', name);
  }

  link(name: string): string {
    return join(this.folder, 'links', name);
  }

  /** Names of the links that are pinned. */
  links(): readonly string[] {
    return listed(join(this.folder, 'links'));
  }

  build(name: string): string {
    return join(this.folder, 'programs', name);
  }

  program(build: string, name: string): string {
    return join(this.build(build), name);
  }

  /** Names of the maps that are pinned. */
  maps(): readonly string[] {
    return listed(join(this.folder, 'maps'));
  }

  /** Object and configuration that the pinned programs were loaded with. */
  builds(): readonly string[] {
    return listed(join(this.folder, 'programs'));
  }
}

/** Every generation that is pinned, in no order. */
export function generations(pins: string): readonly Generation[] {
  return listed(pins)
    .filter((name) => /^[0-9a-f]{16}$/.test(name))
    .map((name) => new Generation(pins, name));
}

/** These, and those that were set aside: whatever of ours may still be in use. */
export function withForeign(pins: string): readonly Generation[] {
  return listed(pins)
    .filter((name) => /^[0-9a-f]{16}(-foreign-\d+)?$/.test(name))
    .map((name) => new Generation(pins, name));
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new EncapError(`cannot read ${folder}: ${code ?? 'unreadable'}`, {
      code: code === 'EACCES' || code === 'EPERM' ? 'PERMISSION' : 'KERNEL_REFUSED',
      hint: 'run it as root',
      cause,
    });
  }
}

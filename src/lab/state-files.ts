import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EncapError } from '../errors.js';

/** Where labs of one kind write down how they stand: a file for each, and beside it a folder for what runs. */
export interface StateFiles<Lab extends { readonly name: string }> {
  /** Run-time folder of a lab; each part of it, a node, has one of its own in it. */
  readonly folder: (name: string, part?: string) => string;
  readonly names: () => readonly string[];
  readonly read: (name: string) => Lab | undefined;
  /** The lab of this name, or the only one there is. */
  readonly find: (name: string | undefined) => Lab;
  readonly write: (lab: Lab) => void;
  /** Forgets a lab; the folder goes with the last one. */
  readonly forget: (name: string) => void;
}

export interface StateFilesOptions {
  readonly root: string;
  /** Who else may look. */
  readonly mode: number;
  /** As errors call one of these labs. */
  readonly noun: string;
  /** The command that makes one. */
  readonly start: string;
  /** What to do about a file that nobody can read. */
  readonly cure: (name: string, file: string) => string;
}

export function stateFiles<Lab extends { readonly name: string }>({
  root,
  mode,
  noun,
  start,
  cure,
}: StateFilesOptions): StateFiles<Lab> {
  const folder = (name: string, part = ''): string => join(root, name, part);
  const fileOf = (name: string): string => join(root, `${name}.json`);

  const names = (): readonly string[] => {
    try {
      return readdirSync(root)
        .filter((file) => file.endsWith('.json'))
        .map((file) => file.slice(0, -'.json'.length))
        .sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  };

  const read = (name: string): Lab | undefined => {
    try {
      return JSON.parse(readFileSync(fileOf(name), 'utf8')) as Lab;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new EncapError(`cannot read the ${noun} ${name}: ${(cause as Error).message}`, {
        code: 'LAB_FAILED',
        hint: cure(name, fileOf(name)),
        place: { file: fileOf(name) },
        cause,
      });
    }
  };

  const find = (name: string | undefined): Lab => {
    const all = names();
    const wanted = name ?? (all.length === 1 ? all[0] : undefined);
    const lab = wanted === undefined ? undefined : read(wanted);
    if (lab !== undefined) return lab;
    if (wanted !== undefined)
      throw new EncapError(`cannot find the ${noun} ${wanted}: it is not up`, {
        code: 'USAGE',
        hint: all.length === 0 ? `start one: ${start}` : `up: ${all.join(', ')}`,
      });
    throw new EncapError(
      all.length === 0
        ? `cannot find a ${noun}: none is up`
        : `cannot choose a ${noun}: ${all.join(', ')} are up`,
      {
        code: 'USAGE',
        hint: all.length === 0 ? `start one: ${start}` : 'name one: --name NAME',
      },
    );
  };

  const write = (lab: Lab): void => {
    mkdirSync(root, { recursive: true, mode });
    const file = fileOf(lab.name);
    writeFileSync(`${file}.new`, `${JSON.stringify(lab, null, 2)}\n`);
    renameSync(`${file}.new`, file);
  };

  const forget = (name: string): void => {
    rmSync(fileOf(name), { force: true });
    rmSync(folder(name), { recursive: true, force: true });
    if (existsSync(root) && readdirSync(root).length === 0) rmdirSync(root);
  };

  return { folder, names, read, find, write, forget };
}

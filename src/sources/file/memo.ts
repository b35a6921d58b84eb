import { stat } from 'node:fs/promises';
import { kept, type Names } from '../../model/plain-block.js';
import type { Problem } from '../../model/problem.js';
import { understand, type Understood } from '../../model/understand.js';
import { parse } from './parse.js';
import { listFiles, readFile } from './read.js';
import { FileShelf } from './shelf.js';
import { isTooFresh, sameStamp, stampOf, type Stamp } from './stamp.js';

/** What was understood of one edition of a file. */
export interface FileEdition {
  /** undefined: it was written while it was read. */
  readonly stamp: Stamp | undefined;
  /** A later write may not show in the stamp. */
  readonly isFresh: boolean;
  readonly all: readonly Understood[];
  readonly problems: readonly Problem[];
}

/** All files at some paths, before any is read. */
export interface Listing {
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
  /** Those that are not, or perhaps not, as they were when they were read. */
  readonly news: ReadonlyMap<string, News>;
  readonly gone: readonly string[];
}

/** An edition of a file that was not read yet. */
export interface News {
  /** undefined: it can't be looked at. */
  readonly stamp: Stamp | undefined;
  readonly before: FileEdition | undefined;
}

/** What was understood of each file, as long as the file stays the same. */
export class Memo {
  readonly #editions = new Map<string, FileEdition>();
  readonly #names: Names = new Map();

  /** Looks at the files without reading them. */
  async list(paths: readonly string[], recursive: boolean): Promise<Listing> {
    const { files, problems } = await listFiles(paths, recursive);
    const stamps = await Promise.all(files.map(stampAt));
    const news = new Map<string, News>();
    files.forEach((file, index) => {
      const [stamp, before] = [stamps[index], this.#editions.get(file)];
      if (!isAsItWas(before, stamp)) news.set(file, { stamp, before });
    });
    const there = new Set(files);
    const gone = [...this.#editions.keys()].filter((file) => !there.has(file));
    return { files, problems, news, gone };
  }

  /** Reads what is new; gives all files, in reading order. */
  async read({ files, news, gone }: Listing): Promise<ReadonlyMap<string, FileEdition>> {
    for (const file of gone) this.#editions.delete(file);
    const all = new Map<string, FileEdition>();
    for (const file of files) {
      const there = news.has(file) ? undefined : this.#editions.get(file);
      const edition = there ?? (await this.#understood(file));
      this.#editions.set(file, edition);
      all.set(file, edition);
    }
    return all;
  }

  async #understood(file: string): Promise<FileEdition> {
    const { bytes, opened, read } = await readFile(file);
    const stamp = stampOf(read);
    const isSteady = sameStamp(stampOf(opened), stamp);
    const { documents, problems } = parse(file, bytes);
    const shelf = new FileShelf(file, stamp);
    return {
      stamp: isSteady ? stamp : undefined,
      isFresh: isTooFresh(stamp, Date.now()),
      all: documents.map((one, index) => kept(understand(one), shelf, index, this.#names)),
      problems,
    };
  }
}

async function stampAt(file: string): Promise<Stamp | undefined> {
  // A file may go between the listing and the look at it.
  const status = await stat(file, { bigint: true }).catch(() => undefined);
  return status === undefined ? undefined : stampOf(status);
}

function isAsItWas(before: FileEdition | undefined, stamp: Stamp | undefined): boolean {
  if (before?.stamp === undefined || stamp === undefined || before.isFresh) return false;
  return sameStamp(before.stamp, stamp);
}

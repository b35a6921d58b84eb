import { isDeepStrictEqual } from 'node:util';
import { Assembly, type Edition } from '../../model/assembly.js';
import type { AssembleOptions } from '../../model/assemble.js';
import type { Block } from '../../model/block.js';
import type { Problem } from '../../model/problem.js';
import type { Cidr } from '../../net/cidr.js';
import { kindOf, problemOf } from '../../model/check.js';
import { identityIn } from '../../model/plain-block.js';
import { isError as isErrorFinding, type Understood } from '../../model/understand.js';
import type { Reading } from '../source.js';
import type { FileEdition, Listing } from './memo.js';

/** The last world that was read as a whole, file by file. Half a world is none: where one file can't be read, it stays. */
export class FileWorld {
  readonly #assembly: Assembly;
  /** By file, what the world is made of. */
  #files = new Map<string, FileEdition>();
  #listed: readonly Problem[] = [];
  #isWhole = false;

  constructor(options: Omit<AssembleOptions, 'before'>) {
    this.#assembly = new Assembly(options);
  }

  /** No world was read yet. */
  get isEmpty(): boolean {
    return this.#files.size === 0 && !this.#isWhole;
  }

  /** Whether there is anything in a listing that the world is not made of. */
  isNews({ news, gone, problems }: Listing): boolean {
    return (
      !this.#isWhole ||
      news.size > 0 ||
      gone.length > 0 ||
      !isDeepStrictEqual(problems, this.#listed)
    );
  }

  /** The files can't be read at all: what comes next is news, whatever it is. */
  lost(): void {
    this.#isWhole = false;
  }

  read(listing: Listing, files: ReadonlyMap<string, FileEdition>): Reading {
    const problems = [...files.values()].flatMap((file) => file.problems);
    const unreadable = [
      ...[...listing.problems, ...problems].filter(isError),
      ...this.#silenced(problems),
      ...this.#nameless(files),
    ];
    this.#isWhole = unreadable.length === 0;
    if (!this.#isWhole) return { inventory: undefined, problems: unreadable };
    const edition = this.#taken(listing, files, problems);
    this.#files = new Map(files);
    this.#listed = listing.problems;
    return edition;
  }

  #taken(
    listing: Listing,
    files: ReadonlyMap<string, FileEdition>,
    problems: readonly Problem[],
  ): Edition {
    const all = new Set([...this.#files.keys(), ...files.keys()]);
    const news = [...all].filter((file) => this.#files.get(file) !== files.get(file));
    const isSmall =
      isDeepStrictEqual(listing.problems, this.#listed) &&
      news.every((file) =>
        [this.#files.get(file), files.get(file)].every((one) => !one?.problems.length),
      );
    const changed = new Map<Cidr, Block | undefined>();
    let edition: Edition | undefined;
    for (const file of isSmall ? news : []) {
      edition = this.#assembly.replace(file, partOf(this.#files, file), partOf(files, file));
      if (edition === undefined) break;
      for (const [cidr, block] of edition.changed ?? []) changed.set(cidr, block);
    }
    if (edition !== undefined) return { ...edition, changed };
    const whole = this.#assembly.whole({
      files: [...files.keys()],
      all: [...files.values()].flatMap((one) => one.all),
      problems: [...listing.problems, ...problems],
    });
    // What the files before the one that takes more than its blocks have changed is in it, but no news to it.
    for (const [cidr, block] of whole.changed ?? []) changed.set(cidr, block);
    return { ...whole, changed: whole.changed && changed };
  }

  /** A file that spoke and now is empty is being written, or was cut off: nobody means that. */
  #silenced(problems: readonly Problem[]): Problem[] {
    return problems
      .filter(
        ({ file, severity }) => severity === 'warning' && partOf(this.#files, file).length > 0,
      )
      .map((problem) => ({
        ...problem,
        severity: 'error',
        message: `${problem.message}, it was not before: delete the file if that is meant`,
      }));
  }

  /**
   * Where something is written that nobody can tell the name of, and something is missing that was there before, it is the
   * same thing with a mistake in it: that must not take it away.
   */
  #nameless(files: ReadonlyMap<string, FileEdition>): Problem[] {
    return [...files].flatMap(([file, edition]) => {
      const before = this.#files.get(file);
      if (before === undefined || before === edition) return [];
      const strangers = edition.all.filter(isNameless);
      if (strangers.length === 0) return [];
      const names = new Set(edition.all.map(identityIn));
      const isMissing = before.all.some((one) => !names.has(identityIn(one)));
      return isMissing ? strangers.flatMap(({ findings }) => findings.map(problemOf)) : [];
    });
  }
}

/** Refused, and neither kind nor name say which resource was meant. */
function isNameless(one: Understood): boolean {
  if (one.resource !== undefined || !one.findings.some(isErrorFinding)) return false;
  return identityIn(one) === undefined || kindOf(one.document.value) === undefined;
}

function partOf(files: ReadonlyMap<string, FileEdition>, file: string): readonly Understood[] {
  return files.get(file)?.all ?? [];
}

function isError({ severity }: Problem): boolean {
  return severity === 'error';
}

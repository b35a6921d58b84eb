import { readFileSync, statSync } from 'node:fs';
import type { Document } from '../../model/document.js';
import type { Shelf } from '../../model/plain-block.js';
import { parse } from './parse.js';
import { sameStamp, stampOf, type Stamp } from './stamp.js';

/** A file that was understood, read again where a place in it has to be told: its text is not kept. */
export class FileShelf implements Shelf {
  readonly #file: string;
  readonly #stamp: Stamp;
  readonly #told = new Map<number, Document>();
  #documents: WeakRef<readonly Document[]> | undefined;

  constructor(file: string, stamp: Stamp) {
    this.#file = file;
    this.#stamp = stamp;
  }

  document(index: number): Document {
    const told = this.#told.get(index);
    if (told !== undefined) return told;
    const documents = this.#documents?.deref() ?? this.#read();
    this.#documents = new WeakRef(documents);
    const document = documents[index] ?? gone(this.#file);
    this.#told.set(index, document);
    return document;
  }

  #read(): readonly Document[] {
    try {
      if (!sameStamp(stampOf(statSync(this.#file, { bigint: true })), this.#stamp)) return [];
      return parse(this.#file, readFileSync(this.#file)).documents;
    } catch {
      return []; // the file went meanwhile: there is a new edition to come
    }
  }
}

function gone(file: string): Document {
  const spot = { file, line: 1, column: 1 };
  return { file, value: undefined, base: [], spot: () => spot, keySpot: () => spot };
}

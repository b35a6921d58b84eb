import * as z from 'zod';
import type { Feed } from '../feed.js';
import type { Question } from './api.js';
import { type Kind, keyOf, nameOf, pathOf } from './kinds.js';
import { nameIn, resourceOf } from './resource.js';
import { Anew, garbled, refused } from './trouble.js';

const frameShape = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
});

const versioned = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

const statusShape = z.object({ code: z.number().default(500), message: z.string().default('') });

/** Where in the history of a kind we are. */
export class Place {
  readonly kind: Kind;
  readonly #server: string;
  #version: string;

  constructor(kind: Kind, version: string, server: string) {
    this.kind = kind;
    this.#version = version;
    this.#server = server;
  }

  get version(): string {
    return this.#version;
  }

  /** How to go on from here. */
  question(watchMs: number): Question {
    const seconds = Math.ceil((watchMs / 1000) * (1 + Math.random() / 2));
    return {
      verb: 'watch',
      what: nameOf(this.kind),
      path: pathOf(this.kind),
      query: {
        watch: 'true',
        resourceVersion: this.#version,
        // They move the version of a kind that nothing happens to: else it would be compacted away.
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(seconds),
      },
    };
  }

  /** Goes on by a frame, and tells what it says. Throws Trouble or Anew. */
  take(frame: unknown, feed: Feed): void {
    const request = { verb: 'watch', what: nameOf(this.kind), server: this.#server };
    const parsed = frameShape.safeParse(frame);
    if (!parsed.success) throw garbled(request, 'a line that is no watch event');
    const { type, object } = parsed.data;
    if (type === 'ERROR') {
      const { code, message } = statusShape.parse(object ?? {});
      throw refused(request, code, { said: message });
    }
    const version = versioned.safeParse(object);
    if (version.success) this.#advance(version.data.metadata.resourceVersion);
    if (type === 'BOOKMARK') return;
    // What has no name can be told of and no more: the events behind it are good.
    const name = nameIn(object);
    const key = name === undefined ? `${this.kind.plural}/nameless` : keyOf(this.kind, name);
    feed.change(key, type === 'DELETED' ? undefined : resourceOf(this.kind, object));
  }

  #advance(version: string): void {
    comparedWith(version, this);
    this.#version = version;
  }
}

/**
 * A watch tells its events in the order in which they happened. A version that goes back is of another history: a restored
 * backup, a member that was cut off. What we hold may never have been. Throws Anew.
 */
export function comparedWith(version: string, place: Pick<Place, 'kind' | 'version'>): void {
  if (isBefore(version, place.version))
    throw new Anew(`${nameOf(place.kind)} went back from ${place.version} to ${version}`);
}

/** Versions are opaque to clients by the letter; in fact all of them are revisions of etcd (KEP-5504 makes it a promise). */
function isBefore(version: string, other: string): boolean {
  return /^\d+$/.test(version) && /^\d+$/.test(other) && Number(version) < Number(other);
}

import { status } from '@grpc/grpc-js';
import type { Feed } from '../feed.js';
import type { Ledger } from '../ledger.js';
import { answerMs, type Connection } from './connection.js';
import { codeOf, Compacted } from './fault.js';
import type { RangeRequest, RangeResponse, WatchResponse } from './messages.js';
import { entryOf, prefixes } from './translate.js';

/** So many keys are asked for at once: a block has some kilobytes. */
const pageKeys = 500;

/** How far the world of a cluster was followed. */
interface Position {
  readonly clusterId: string;
  /** By prefix: all that happened there up to this revision is known. */
  readonly revisions: Map<string, bigint>;
  /** The newest write that was seen; undefined: none was. */
  witness: Witness | undefined;
}

/** A write that a cluster with the same history knows of too. */
interface Witness {
  readonly key: Buffer;
  readonly prefix: string;
  /** undefined: the key was removed. */
  readonly modRevision: string | undefined;
}

/** Lists all at one revision, then watches from the next one on; over another connection it goes on where it was. */
export class Follower {
  readonly #ledger: Ledger;
  readonly #feed: Feed;
  readonly #watching: () => void;
  #position: Position | undefined;
  #hasListed = false;

  /** Calls back each time when it begins to hear of all that happens. */
  constructor(ledger: Ledger, feed: Feed, watching: () => void) {
    this.#ledger = ledger;
    this.#feed = feed;
    this.#watching = watching;
  }

  get hasListed(): boolean {
    return this.#hasListed;
  }

  /** Ends by failing. */
  async follow(connection: Connection, signal: AbortSignal): Promise<never> {
    const known = this.#position;
    const position =
      known !== undefined && (await isAtHome(known, connection))
        ? known
        : await this.#list(connection, signal);
    return this.#watch(connection, position, signal);
  }

  async #list(connection: Connection, signal: AbortSignal): Promise<Position> {
    const list = this.#ledger.list();
    let first: RangeResponse | undefined;
    let witness: Witness | undefined;
    for (const prefix of prefixes) {
      let request: RangeRequest = { ...rangeOf(prefix), limit: pageKeys };
      for (;;) {
        signal.throwIfAborted();
        const revision = first?.header.revision ?? '0';
        const page = await connection.range({ ...request, revision }).catch(noteCompaction);
        first ??= page;
        for (const { key, value, modRevision } of page.kvs) {
          if (BigInt(modRevision) > BigInt(witness?.modRevision ?? 0))
            witness = { key, prefix, modRevision };
          const entry = entryOf(key.toString(), value);
          if (entry !== undefined) list.add(entry.key, entry.resource);
        }
        const last = page.kvs.at(-1);
        if (!page.more || last === undefined) break;
        request = { ...request, key: Buffer.concat([last.key, Buffer.of(0)]) };
      }
    }
    const { clusterId = '', revision = '0' } = first?.header ?? {};
    this.#feed.whole(list);
    this.#hasListed = true;
    this.#position = {
      clusterId,
      revisions: new Map(prefixes.map((prefix) => [prefix, BigInt(revision)])),
      witness,
    };
    return this.#position;
  }

  async #watch(connection: Connection, position: Position, signal: AbortSignal): Promise<never> {
    const call = connection.watch();
    const cancel = (): void => call.cancel();
    signal.addEventListener('abort', cancel);
    /** By number, what is watched: watches are created in the order in which they were asked for. */
    const watched = new Map<string, string>();
    const patience = AbortSignal.timeout(answerMs);
    patience.addEventListener('abort', () => {
      if (watched.size < prefixes.length) cancel();
    });
    // What it says after we have turned away.
    call.on('error', () => undefined);
    try {
      for (const prefix of prefixes) {
        const startRevision = String((position.revisions.get(prefix) ?? 0n) + 1n);
        const createRequest = { ...rangeOf(prefix), startRevision, ...watchOptions };
        call.write({ createRequest });
      }
      for await (const response of call as AsyncIterable<WatchResponse>) {
        if (response.canceled) throw this.#canceled(response);
        if (response.created) {
          watched.set(response.watchId, prefixes[watched.size] ?? '');
          if (watched.size === prefixes.length) this.#watching();
        } else this.#hear(response, position, watched.get(response.watchId) ?? '');
      }
      throw new Error('the watch ended');
    } catch (error) {
      throw patience.aborted && watched.size < prefixes.length
        ? new Error(`no watch within ${answerMs / 1000} s`, { cause: error })
        : error;
    } finally {
      signal.removeEventListener('abort', cancel);
      cancel();
    }
  }

  #hear({ events, fragment, header }: WatchResponse, position: Position, prefix: string): void {
    for (const { type, kv } of events) {
      const entry = entryOf(kv.key.toString(), type === 'DELETE' ? undefined : kv.value);
      if (entry !== undefined) this.#feed.change(entry.key, entry.resource);
      const modRevision = type === 'DELETE' ? undefined : kv.modRevision;
      position.witness = { key: kv.key, prefix, modRevision };
    }
    // The rest of the same revision is yet to come.
    if (fragment) return;
    position.revisions.set(prefix, BigInt(events.at(-1)?.kv.modRevision ?? header.revision));
  }

  /** The revisions that were to be watched next are gone: only a new list knows what happened. */
  #canceled({ compactRevision, cancelReason }: WatchResponse): Error {
    if (compactRevision === '0') return new Error(`the watch was refused: ${cancelReason}`);
    this.#position = undefined;
    return new Compacted();
  }
}

const watchOptions = { progressNotify: true, watchId: '0', fragment: true };

/**
 * Whether this is the cluster that was followed, with the same history. A watch would be silent where the revision that
 * it begins with is yet to come, and wrong where an older backup has come to it by other writes.
 */
async function isAtHome(
  { clusterId, revisions, witness }: Position,
  connection: Connection,
): Promise<boolean> {
  if (witness === undefined) return false;
  const { header, kvs } = await connection
    .range({
      key: witness.key,
      rangeEnd: Buffer.alloc(0),
      revision: String(revisions.get(witness.prefix) ?? 0n),
    })
    .catch((error: unknown) => {
      if (codeOf(error) === status.OUT_OF_RANGE) return { header: undefined, kvs: [] };
      throw error;
    });
  return (
    header?.clusterId === clusterId &&
    [...revisions.values()].every((revision) => revision <= BigInt(header.revision)) &&
    kvs[0]?.modRevision === witness.modRevision
  );
}

function rangeOf(prefix: string): { readonly key: Buffer; readonly rangeEnd: Buffer } {
  const key = Buffer.from(prefix);
  const rangeEnd = Buffer.from(key);
  rangeEnd.writeUInt8((key.at(-1) ?? 0) + 1, key.length - 1);
  return { key, rangeEnd };
}

function noteCompaction(error: unknown): never {
  throw codeOf(error) === status.OUT_OF_RANGE ? new Compacted() : error;
}

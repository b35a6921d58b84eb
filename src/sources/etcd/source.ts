import { Feed } from '../feed.js';
import { Ledger, type LedgerOptions } from '../ledger.js';
import type { Source } from '../source.js';
import type { Access } from './connection.js';
import { follow } from './follow.js';
import { placeOf } from './translate.js';

export interface EtcdSourceOptions extends Omit<LedgerOptions, 'place'> {
  readonly access: Access;
}

/** Calico's resources in etcd v3 (datastore type etcdv3), followed as they change. */
export function etcdSource({ access, ...options }: EtcdSourceOptions): Source {
  return {
    name: `etcd ${access.endpoints.join(', ')}`,
    async *inventories(signal) {
      const ended = new AbortController();
      const ledger = new Ledger({ ...options, place: placeOf });
      const feed = new Feed(ledger);
      // Not all nodes of a cluster ask the first one.
      const { endpoints } = access;
      const first = Math.floor(Math.random() * endpoints.length);
      const inTurn = [...endpoints.slice(first), ...endpoints.slice(0, first)];
      const all = AbortSignal.any([signal, ended.signal]);
      const following = follow({ ...access, endpoints: inTurn, ledger, feed, signal: all }).catch(
        (error: unknown) => feed.fail(error),
      );
      try {
        yield* feed.readings(signal);
      } finally {
        ended.abort();
        await following;
      }
    },
  };
}

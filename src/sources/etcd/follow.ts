import { setTimeout as sleep } from 'node:timers/promises';
import { EncapError } from '../../errors.js';
import type { Fault } from '../../model/fault.js';
import { Backoff } from '../backoff.js';
import type { Feed } from '../feed.js';
import type { Ledger } from '../ledger.js';
import { type Access, Connection } from './connection.js';
import { Compacted, faultOf } from './fault.js';
import { Follower } from './follower.js';

export interface FollowOptions extends Access {
  readonly ledger: Ledger;
  readonly feed: Feed;
  readonly signal: AbortSignal;
}

/** Follows the world in a cluster until the signal fires: member by member, later and later while none of them answers. */
export async function follow({ ledger, feed, signal, ...access }: FollowOptions): Promise<void> {
  const { endpoints } = access;
  const backoff = new Backoff();
  let failures = 0;
  let fault: Fault | undefined;
  const follower = new Follower(ledger, feed, () => {
    backoff.reset();
    failures = 0;
    feed.fault((fault = undefined));
  });
  for (let turn = 0; ; turn += 1) {
    try {
      signal.throwIfAborted();
      const endpoint = endpoints[turn % endpoints.length] ?? '';
      using connection = await Connection.open(endpoint, access, signal);
      await follower.follow(connection, signal);
    } catch (error) {
      if (signal.aborted) return;
      // Before anything went well, a file that can't be read is for the user to correct.
      if (error instanceof EncapError && !follower.hasListed) throw error;
      if (!(error instanceof Compacted)) failures += 1;
      // One member of several may be away.
      if (failures >= endpoints.length) {
        const next = faultOf(endpoints, error);
        // The first word on a loss is the one that is told; the same in other words is no news.
        if (fault?.short !== next.short) feed.fault((fault = next));
      }
      if (failures % endpoints.length === 0)
        await sleep(backoff.nextMs(), undefined, { signal }).catch(() => undefined);
    }
  }
}

import test from 'ava';
import { explain } from '../../../src/decide/explain.js';
import type { Reason } from '../../../src/decide/verdict.js';
import type { Inventory } from '../../../src/model/inventory.js';
import type { NodeName } from '../../../src/model/node.js';
import { parseAddress } from '../../../src/net/address.js';

type Sent = 'vxlan' | 'ipip' | 'ip6ip' | 'direct';

export type Expected =
  | { readonly action: Sent; readonly via: string; readonly reason?: Reason }
  | { readonly action: 'local' | 'none'; readonly reason?: Reason };

export const vxlan = (via: string, reason?: Reason): Expected => to('vxlan', via, reason);
export const ipip = (via: string, reason?: Reason): Expected => to('ipip', via, reason);
export const ip6ip = (via: string, reason?: Reason): Expected => to('ip6ip', via, reason);
export const direct = (via: string, reason?: Reason): Expected => to('direct', via, reason);
export const local = (reason: Reason = 'local-workload'): Expected => ({ action: 'local', reason });
export const none = (reason: Reason = 'no-route'): Expected => ({ action: 'none', reason });

/** One world, and what a node of it does with packets for some addresses. */
export const sends = test.macro({
  title: (title) => title ?? '',
  exec: (t, inventory: Inventory, self: string, answers: Readonly<Record<string, Expected>>) => {
    for (const [destination, expected] of Object.entries(answers)) {
      const { action, via, reason } = explain(inventory, self as NodeName, {
        destination: parseAddress(destination),
      });
      const got = { action, via, reason: expected.reason === undefined ? undefined : reason };
      t.deepEqual(
        got,
        {
          action: expected.action,
          via: 'via' in expected ? expected.via : undefined,
          reason: expected.reason,
        },
        destination,
      );
    }
  },
});

function to(action: Sent, via: string, reason: Reason | undefined): Expected {
  return reason === undefined ? { action, via } : { action, via, reason };
}

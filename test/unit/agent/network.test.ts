import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { NetlinkError, type Netlink, type NetlinkEvent } from 'libbpf-ts';
import { isFatal } from '../../../src/agent/fatal.js';
import { watchNetwork } from '../../../src/agent/network.js';

function refusing(errno: number, cause: string): NetlinkError {
  return new NetlinkError({ operation: 'watch', object: "the network's state", errno, cause });
}

const refusal = refusing(12, 'Cannot allocate memory');

/** A kernel that ends watches: the first when it is made, the second behind an event. */
function forgetful(): { readonly netlink: Netlink; readonly watches: () => number } {
  let count = 0;
  async function* events(signal: AbortSignal): AsyncGenerator<NetlinkEvent> {
    yield { event: 'overflow' };
    if (count === 2) throw refusal;
    await sleep(60_000, undefined, { signal, ref: false }).catch(() => undefined);
  }
  const watch = (_: unknown, signal: AbortSignal): AsyncGenerator<NetlinkEvent> => {
    count += 1;
    if (count === 1) throw refusal;
    return events(signal);
  };
  return { netlink: { watch } as unknown as Netlink, watches: () => count };
}

test('a watch that the kernel ends begins anew, and what nobody told of meanwhile brings a round', async (t) => {
  const ended = new AbortController();
  const { netlink, watches } = forgetful();
  const said: unknown[] = [];
  let changes = 0;
  const fastPaths = { isOn: false, awaits: () => false, beginsAt: () => false };
  const watching = watchNetwork(
    netlink,
    { uplink: undefined, fastPaths, kernelTunnels: [] },
    {
      signal: ended.signal,
      changed: () => (changes += 1),
      lost: (failure) => said.push(failure),
    },
  );
  while (watches() < 3) await sleep(20);
  await sleep(20);
  ended.abort();
  await watching;
  t.deepEqual(said, [refusal, refusal]);
  t.is(changes, 4, 'two events, and one for each watch that ended');
});

test('a kernel that is short of something does not end a start; one that forbids it does', (t) => {
  t.false(isFatal(refusal));
  t.true(isFatal(refusing(1, 'Operation not permitted')));
});

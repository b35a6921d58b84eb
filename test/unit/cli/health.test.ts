import test from 'ava';
import { faultsOf, type Findings } from '../../../src/cli/health.js';
import type { VerdictCount } from '../../../src/datapath/traffic.js';
import type { KernelRoute } from '../../../src/datapath/underlay.js';

const program: Findings['programs'][number] = {
  program: 'egress',
  id: 1,
  tag: 'a',
  loadedAt: new Date(0),
  instructions: 1,
  runCount: 0n,
  runTimeNs: 0n,
  attachedTo: 2,
  attach: 'tcx',
};
const well: Findings = {
  programs: [program, { ...program, program: 'ingress' }],
  verdicts: [],
  peers: [],
  pools: ['10.244.0.0/16'],
  routes: [{ type: 'unicast', destination: '10.244.0.0/16' } as KernelRoute],
  said: { notCarried: {}, faults: [] },
};

function dropped(verdict: string, packets: bigint): VerdictCount {
  const none = { packets: 0n, bytes: 0n };
  return { verdict, kind: 'drop', egress: { packets, bytes: 0n }, ingress: none };
}

const finds = test.macro({
  exec(t, changes: Partial<Findings>, expected: readonly string[]) {
    const faults = faultsOf({ ...well, ...changes });
    t.deepEqual(
      faults.map(({ short }) => short),
      expected,
    );
    for (const { message, hint } of faults) t.true(message.length > 20 && hint.length > 10);
  },
  title: (sentence = '') => sentence,
});

test('programs attached, routes there, no drops: nothing is wrong', finds, {}, []);
test(
  'a program that someone took off is a fault',
  finds,
  { programs: [{ ...program, attachedTo: undefined, attach: undefined }] },
  ['egress program not attached'],
);
test('a pool without a route is a fault', finds, { routes: [] }, ['no route for 10.244.0.0/16']);
test('so is one of IPv6', finds, { pools: ['fd00:244::/48'] }, ['no route for fd00:244::/48']);
const fault = { message: 'the pool is not carried, because', hint: 'do something' };
test(
  'a pool that is not carried is a fault for that reason, not for its route',
  finds,
  {
    routes: [],
    said: { notCarried: { '10.244.0.0/16': { ...fault, short: 'not carried' } }, faults: [] },
  },
  ['not carried'],
);
test(
  'what the agent found wrong with the network is a fault',
  finds,
  { said: { notCarried: {}, faults: [{ ...fault, short: 'no forwarding' }] } },
  ['no forwarding'],
);
test(
  'the guard of a pool is not its route',
  finds,
  { routes: [{ type: 'unreachable', destination: '10.244.0.0/16' } as KernelRoute] },
  ['no route for 10.244.0.0/16'],
);
test(
  'packets that no checksum could be computed for are a fault',
  finds,
  { verdicts: [dropped('no_checksum', 2n)] },
  ['2 drops no_checksum'],
);
test('packets that were too big are a fault', finds, { verdicts: [dropped('too_big', 12n)] }, [
  '12 drops too_big',
]);
test(
  'packets to addresses that nobody has are no fault',
  finds,
  { verdicts: [dropped('no_block', 9n), dropped('local_block', 3n)] },
  [],
);
test(
  'a foreign sender is no fault of this node',
  finds,
  { verdicts: [dropped('unknown_peer', 5n)] },
  [],
);
test('a counter at zero is no fault', finds, { verdicts: [dropped('too_big', 0n)] }, []);

import test from 'ava';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, startAgent, stopAgent, untilReady } from '../../src/lab/agent.js';
import { endpoint } from '../../src/lab/endpoint.js';
import type { Lab } from '../../src/lab/state.js';
import { encapJson, listening, ran, sharedLab, transfer } from '../support/lab.js';
import { skips } from '../support/needs.js';
import { between, sum, tallyOf, type Tally } from '../support/tally.js';

const shared = sharedLab(test, 'crosssubnet', { name: 'test-load' });
const needed = ['ip', 'nsenter', 'ping'];

test.serial(
  '1,000 TCP streams arrive bit for bit, and every packet has exactly one verdict',
  async (t) => {
    if (skips(t, ...needed, 'ethtool')) return;
    const lab = await shared();
    for (const workload of ['a1', 'c1'])
      // a packet stays one packet all the way
      await ran(lab, workload, 'ethtool', '-K', 'eth0', 'tso', 'off', 'gso', 'off');
    const { result, a, c } = await counted(lab, async () => {
      const server = await listening(lab, 'c1', 'tcp-serve', 5001);
      const sent = await transfer(
        lab,
        'a1',
        'tcp-send',
        endpoint(lab, 'c1').address,
        5001,
        1000,
        20_000,
      ).result();
      server.kill();
      return sent;
    });
    t.deepEqual(result, { streams: 1000, good: 1000 });
    for (const node of [a, c]) addsUp(t, node);
    t.is(a.encapsulated['ipv4/node-c'], c.decapsulated['ipv4/node-a'], 'what a sent, c took');
    t.is(c.encapsulated['ipv4/node-a'], a.decapsulated['ipv4/node-c'], 'what c sent, a took');
    t.is(sum(a.ingress, a.kind, 'drop') + sum(c.ingress, c.kind, 'drop'), 0);
  },
);

test.serial(
  'of a UDP flood every datagram is delivered or counted under the name of its drop',
  async (t) => {
    if (skips(t, ...needed)) return;
    const lab = await shared();
    const c1 = endpoint(lab, 'c1').address;
    const floods = [
      { to: c1, packets: 20_000, ends: 'encapsulated' },
      { to: endpoint(lab, 'b1').address, packets: 5_000, ends: 'direct' },
      { to: '10.244.77.5', packets: 5_000, ends: 'no_block' },
    ] as const;
    await ran(lab, 'a1', 'ping', '-c1', c1); // neighbours are known: none of the flood waits for one
    await ran(lab, 'a1', 'ping', '-c1', endpoint(lab, 'b1').address);
    const { result, a, c } = await counted(lab, async () => {
      const receivers = await Promise.all(
        ['c1', 'b1'].map((workload) => listening(lab, workload, 'udp-receive', 5002, 6_000)),
      );
      const sent = await Promise.all(
        floods.map(({ to, packets }) =>
          transfer(lab, 'a1', 'udp-send', to, 5002, packets, 5).result(),
        ),
      );
      return { sent, received: await Promise.all(receivers.map((receiver) => receiver.result())) };
    });
    t.deepEqual(
      result.sent,
      floods.map(({ packets }) => ({ sent: packets })),
    );
    t.deepEqual(result.received, [
      { received: 20_000, distinct: 20_000 },
      { received: 5_000, distinct: 5_000 },
    ]);
    for (const { ends, packets } of floods) t.is(a.egress[ends], packets, ends);
    t.is(c.ingress['decapsulated'], 20_000);
    for (const node of [a, c]) addsUp(t, node);
  },
);

test.serial(
  'kill -9 of an agent under load loses no packet; its successor adopts what it finds',
  async (t) => {
    if (skips(t, ...needed)) return;
    const lab = await shared();
    const node = lab.nodes.find(({ name }) => name === 'node-a');
    const agent = node?.agent;
    if (agent === undefined) return t.fail('node-a runs no agent');
    const before = await programs(lab);
    const packets = 20_000;
    const perMs = 4; // 5 s of it each way
    const streams = await Promise.all(
      [
        ['a1', 'c1'],
        ['c1', 'a1'],
      ].map(async ([from = '', to = '']) => {
        const receiver = await listening(lab, to, 'udp-receive', 5003, 9_000);
        return {
          receiver,
          sender: transfer(lab, from, 'udp-send', endpoint(lab, to).address, 5003, packets, perMs),
        };
      }),
    );
    await sleep(1_000);
    await stopAgent(agent, 'SIGKILL');
    t.false(isAlive(agent));
    await sleep(500);
    const successor = startAgent(lab.name, 'node-a', lab.manifests);
    t.teardown(() => stopAgent(successor));
    await untilReady('node-a', successor);

    for (const { sender, receiver } of streams) {
      t.deepEqual(await sender.result(), { sent: packets });
      t.deepEqual(await receiver.result(), { received: packets, distinct: packets });
    }
    t.deepEqual(await programs(lab), before, 'the same programs, by id');
    const said = await ran(lab, 'node-a', 'cat', successor.log);
    const lines = said.slice(said.lastIndexOf('"msg":"object"'));
    t.regex(lines, /"msg":"programs adopted"/);
    t.notRegex(
      lines,
      /"msg":"tables changed"/,
      'no map entry, neighbour, address or route was written',
    );
  },
);

/** Runs traffic between two readings of the counters of node-a and node-c. */
async function counted<T>(
  lab: Lab,
  run: () => Promise<T>,
): Promise<{ readonly result: T; readonly a: Tally; readonly c: Tally }> {
  const [aBefore, cBefore] = [await tallyOf(lab, 'node-a'), await tallyOf(lab, 'node-c')];
  const result = await run();
  await sleep(300); // the last acknowledgements
  const [a, c] = [await tallyOf(lab, 'node-a'), await tallyOf(lab, 'node-c')];
  return { result, a: between(aBefore, a), c: between(cBefore, c) };
}

/** The kernel's own figures of the uplink, and ours. */
function addsUp(t: { is: (a: number, b: number, message?: string) => unknown }, node: Tally): void {
  const { ingress, egress, kind, wire } = node;
  t.is(sum(ingress, kind), wire.received, 'ingress: each packet of the wire has one verdict');
  t.is(sum(egress, kind, 'pass'), wire.sent, 'egress: what the wire got is what passed');
  const { own_tunnel: again = NaN, encapsulated = NaN, direct = NaN } = egress;
  t.is(again, encapsulated + direct, 'egress: what we redirect comes by once more and passes');
}

/** Ids of the programs that are attached on node-a. */
async function programs(lab: Lab): Promise<readonly unknown[]> {
  const status = (await encapJson(lab, 'node-a', 'status')) as {
    readonly programs: readonly { readonly id: number }[];
  };
  return status.programs.map(({ id }) => id);
}

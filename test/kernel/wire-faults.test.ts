import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { encap, nodeEnvironment } from '../../src/lab/agent.js';
import { endpoint } from '../../src/lab/endpoint.js';
import { runInside } from '../../src/lab/namespace.js';
import { namespaceOf, type Lab } from '../../src/lab/state.js';
import { encapJson, listening, on, sharedLab, transfer } from '../support/lab.js';
import { skips } from '../support/needs.js';
import { within } from '../support/slowness.js';

// What becomes of tunnel packets between the nodes: the router between their subnets drops, shrinks and translates.
const shared = sharedLab(test, 'crosssubnet', { name: 'test-wire-faults' });
const forge = fileURLToPath(new URL('../../../test/support/forge.py', import.meta.url));

async function atRouter(lab: Lab, ...command: readonly string[]): Promise<void> {
  const said = await runInside(namespaceOf(lab.name, 'router'), command);
  if (said.failed) throw new Error(`${command.join(' ')}: ${said.stderr}`);
}

/** The router's interface towards an address. */
async function portTo(lab: Lab, address: string): Promise<string> {
  const { stdout } = await runInside(namespaceOf(lab.name, 'router'), [
    'ip',
    'route',
    'get',
    address,
  ]);
  return / dev (\S+)/.exec(stdout)?.[1] ?? '';
}

/** Has the router do something to what it forwards; the call that it gives back ends that, and so does the test's end. */
async function ruled(
  t: ExecutionContext,
  lab: Lab,
  chain: string,
  rule: string,
): Promise<() => Promise<void>> {
  const text = `table ip faults {\n chain it {\n type ${chain};\n ${rule};\n }\n}`;
  const clear = 'table ip faults\ndelete table ip faults';
  const ended = (): Promise<void> => atRouter(lab, '/usr/sbin/nft', clear);
  t.teardown(ended);
  await atRouter(lab, '/usr/sbin/nft', text);
  return ended;
}

/** Echo requests, 20 ms apart; how many were answered. */
async function ping(lab: Lab, from: string, to: string, count: number): Promise<number> {
  const pace = ['-c', String(count), '-i', '0.02', '-W', '1'];
  const { stdout } = await on(lab, from, 'ping', '-n', '-q', ...pace, endpoint(lab, to).address);
  return Number(/(\d+) received/.exec(stdout)?.[1]);
}

/** The tables that an agent keeps. */
async function tables(lab: Lab): Promise<unknown> {
  const of = (map: string): Promise<unknown> => encapJson(lab, 'node-a', 'map', 'dump', map);
  return Promise.all(['pools', 'blocks', 'policies', 'peers', 'sources'].map(of));
}

/** Milliseconds from now until one echo request is answered. */
async function back(lab: Lab, from: string, to: string): Promise<number> {
  const began = performance.now();
  while ((await ping(lab, from, to, 1)) === 0)
    if (performance.now() - began > within(10_000)) throw new Error('no way back');
  return performance.now() - began;
}

const filter = 'filter hook forward priority 0';

function wireTest(
  title: string,
  tools: readonly string[],
  body: (t: ExecutionContext, lab: Lab) => Promise<void>,
): void {
  test.serial(title, async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ping', ...tools)) return;
    const lab = await shared();
    t.is(await ping(lab, 'a1', 'c1', 5), 5);
    await body(t, lab);
    t.is(await ping(lab, 'a1', 'c1', 5), 5);
  });
}

wireTest(
  'F36 a partition: no table changes meanwhile, and traffic is there again as soon as the wire is',
  ['nft'],
  async (t, lab) => {
    const before = await tables(lab);
    // Frames within a subnet go through the router's bridge, and on some machines through these rules too.
    const far = endpoint(lab, 'node-c').address;
    const ended = await ruled(t, lab, filter, `ip saddr ${far} drop;\n ip daddr ${far} drop`);
    t.is(await ping(lab, 'a1', 'c1', 10), 0);
    t.is(await ping(lab, 'a1', 'b1', 10), 10);
    await sleep(1000);
    t.deepEqual(await tables(lab), before);
    await ended();
    t.true((await back(lab, 'a1', 'c1')) < within(1500));
    t.like(await encapJson(lab, 'node-a', 'status'), { verdict: 'OK' });
  },
);

wireTest(
  'F36 30 % of the tunnel packets lost one way: every byte of TCP arrives, and no table changes',
  ['nft'],
  async (t, lab) => {
    const before = await tables(lab);
    const { address } = endpoint(lab, 'node-c');
    const ended = await ruled(
      t,
      lab,
      filter,
      `ip daddr ${address} numgen random mod 100 < 30 drop`,
    );
    const server = await listening(lab, 'c1', 'tcp-serve', 5001);
    t.teardown(() => server.kill());
    const client = transfer(lab, 'a1', 'tcp-send', endpoint(lab, 'c1').address, 5001, 2, 30_000);
    t.teardown(() => client.kill());
    t.deepEqual(await client.result(), { streams: 2, good: 2 });
    const answered = await ping(lab, 'a1', 'c1', 200);
    t.true(answered > 80 && answered < 190, `${answered} of 200`);
    await ended();
    t.deepEqual(await tables(lab), before);
  },
);

wireTest(
  'F36 a peer that dies and comes back: nobody else notices, and it is reached again at once',
  [],
  async (t, lab) => {
    const before = await tables(lab);
    // As if it had no power: its wire leads nowhere, and neighbours forget it.
    const far = await portTo(lab, endpoint(lab, 'node-c').address);
    await atRouter(lab, 'ip', 'link', 'set', 'dev', far, 'down');
    t.is(await ping(lab, 'a1', 'c1', 10), 0);
    t.is(await ping(lab, 'a1', 'b1', 10), 10);
    t.deepEqual(await tables(lab), before);
    await atRouter(lab, 'ip', 'link', 'set', 'dev', far, 'up');
    t.true((await back(lab, 'a1', 'c1')) < within(3000));
    t.deepEqual(await tables(lab), before);
  },
);

wireTest(
  'F37 a router forwards less than before, in the middle of live TCP: it goes on',
  [],
  async (t, lab) => {
    const server = await listening(lab, 'c1', 'tcp-serve', 5002);
    t.teardown(() => server.kill());
    const { address } = endpoint(lab, 'c1');
    const client = transfer(lab, 'a1', 'tcp-send', address, 5002, 2, 200_000_000);
    t.teardown(() => client.kill());
    await sleep(300);
    for (const bridge of ['east', 'west'])
      await atRouter(lab, 'ip', 'link', 'set', 'dev', bridge, 'mtu', '1400');
    t.deepEqual(await client.result(), { streams: 2, good: 2 });
    t.like(await encapJson(lab, 'node-a', 'map', 'dump', 'path_mtus'), {
      items: [{ node: 'node-c', mtu: 1400 }],
    });
  },
);

wireTest(
  'F37 a forged word of a router, 68 bytes: the path is clamped to 552, and traffic goes on',
  ['python3'],
  async (t, lab) => {
    const [node, peer] = [endpoint(lab, 'node-a').address, endpoint(lab, 'node-c').address];
    await atRouter(lab, 'python3', forge, node, peer, '68');
    t.like(await encapJson(lab, 'node-a', 'map', 'dump', 'path_mtus'), {
      items: [{ node: 'node-c', mtu: 552 }],
    });
    const server = await listening(lab, 'c1', 'tcp-serve', 5003);
    t.teardown(() => server.kill());
    const { address } = endpoint(lab, 'c1');
    const client = transfer(lab, 'a1', 'tcp-send', address, 5003, 2, 1_000_000);
    t.deepEqual(await client.result(), { streams: 2, good: 2 });
  },
);

wireTest(
  'F38 NAT between nodes: what comes from an address of nobody is counted, and status names it',
  ['nft'],
  async (t, lab) => {
    const far = endpoint(lab, 'node-c').address;
    const nat = 'nat hook postrouting priority srcnat';
    const ended = await ruled(t, lab, nat, `ip saddr ${far} udp dport 4789 masquerade`);
    t.is(await ping(lab, 'a1', 'c1', 5), 0);
    await ended();
    const { verdicts, strangers } = (await encapJson(lab, 'node-a', 'status')) as {
      readonly verdicts: readonly {
        readonly verdict: string;
        readonly ingress: { packets: number };
      }[];
      readonly strangers: readonly { readonly address: string; readonly packets: number }[];
    };
    t.is(verdicts.find(({ verdict }) => verdict === 'unknown_peer')?.ingress.packets, 5);
    // The router's own address in node-a's subnet.
    t.like(strangers, [{ address: '192.168.10.1', packets: 5 }]);
    const { stdout } = await runInside(namespaceOf(lab.name, 'node-a'), encap('status'), {
      env: nodeEnvironment(lab.name, 'node-a'),
    });
    t.regex(stdout, /dropped: 192\.168\.10\.1 \(5 packets, just now\); is there NAT between nodes/);
  },
);

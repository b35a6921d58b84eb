import { execFile, execFileSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { Netlink, type NetlinkEvent, type NetlinkGroup } from '../lib/index.js';
import { Network } from './support/network.js';

const library = new URL('../lib/index.js', import.meta.url).href;
const all: readonly NetlinkGroup[] = ['link', 'address', 'route', 'neighbour', 'rule'];

/** The first event that fits, and those before it; an error where none came within a second. */
async function within(
  events: AsyncIterator<NetlinkEvent>,
  fits: (event: NetlinkEvent) => boolean,
): Promise<NetlinkEvent> {
  const timer = new AbortController();
  const late = wait(1000, undefined, { signal: timer.signal }).then(() => {
    throw new Error('no such event within a second');
  });
  try {
    for (;;) {
      const next = await Promise.race([events.next(), late]);
      if (next.done === true) throw new Error('the watch ended');
      if (fits(next.value)) return next.value;
    }
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}

test.serial('an administrator taking a link down and up is told within a second', async (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const events = netlink.watch(['link']);
  network.ip('link set near down');
  await within(events, (e) => e.event === 'link' && e.index === network.near && !e.up);
  network.ip('link set near up');
  await within(events, (e) => e.event === 'link' && e.index === network.near && e.up && e.lowerUp);
  network.ip('link set far down');
  await within(events, (e) => e.event === 'link' && e.index === network.near && e.up && !e.lowerUp);
  t.pass();
});

test.serial('a link that is made, renamed and deleted is told', async (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const events = netlink.watch(['link']);
  network.ip('link add bridge type bridge');
  const made = await within(events, (e) => e.event === 'link' && e.name === 'bridge');
  t.like(made, { change: 'new', kind: 'bridge', up: false });
  network.ip('link set bridge name span');
  await within(events, (e) => e.event === 'link' && e.change === 'new' && e.name === 'span');
  network.ip('link delete span');
  await within(events, (e) => e.event === 'link' && e.change === 'removed' && e.name === 'span');
});

test.serial('a port that leaves its bridge is not told as a removed link', async (t) => {
  const network = new Network(t);
  network.ip('link add bridge type bridge');
  network.ip('link set near master bridge');
  using netlink = Netlink.open({ namespace: network.path });
  const events = netlink.watch(['link']);
  network.ip('link set near nomaster');
  network.ip('link set lo mtu 1234');
  const seen: NetlinkEvent[] = [];
  await within(events, (e) => seen.push(e) > 0 && e.event === 'link' && e.mtu === 1234);
  t.deepEqual(
    seen.filter((e) => e.event === 'link' && e.change === 'removed'),
    [],
  );
  t.true(seen.some((e) => e.event === 'link' && e.name === 'near' && e.master === undefined));
});

test.serial('addresses that come and go are told, of both families', async (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const events = netlink.watch(['address']);
  for (const [address, length] of [
    ['192.0.2.1', 24],
    ['2001:db8::1', 64],
  ] as const) {
    network.ip(`address add ${address}/${length} dev near`);
    const added = await within(events, (e) => e.event === 'address' && e.address === address);
    t.like(added, { change: 'new', index: network.near, prefixLength: length });
    network.ip(`address delete ${address}/${length} dev near`);
    await within(
      events,
      (e) => e.event === 'address' && e.change === 'removed' && e.address === address,
    );
  }
});

test.serial('routes that come and go are told, of both families', async (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const events = netlink.watch(['route']);
  for (const destination of ['10.0.0.0/24', '2001:db8:1::/48']) {
    network.ip(`route add ${destination} dev near proto 80`);
    const added = await within(
      events,
      (e) => e.event === 'route' && e.destination === destination && e.change === 'new',
    );
    t.like(added, { index: network.near, protocol: 80, type: 'unicast' });
    network.ip(`route delete ${destination} dev near`);
    await within(
      events,
      (e) => e.event === 'route' && e.destination === destination && e.change === 'removed',
    );
  }
});

test.serial(
  'a changed MAC flushes even permanent neighbours, and both are told within a second',
  async (t) => {
    const network = new Network(t);
    using netlink = Netlink.open({ namespace: network.path });
    const entry = { index: network.near, address: '169.254.1.1' };
    netlink.putNeighbour({ ...entry, mac: '02:fe:00:00:00:01' });
    const events = netlink.watch(['neighbour', 'link']);
    network.ip('link set near address 02:00:00:00:00:77');
    const seen: NetlinkEvent[] = [];
    await within(events, (e) => {
      seen.push(e);
      const flushed = seen.some(
        (x) => x.event === 'neighbour' && x.change === 'removed' && x.address === '169.254.1.1',
      );
      return flushed && seen.some((x) => x.event === 'link' && x.mac === '02:00:00:00:00:77');
    });
    t.false(netlink.neighbours().some(({ address }) => address === '169.254.1.1'));
  },
);

test.serial(
  'IPv4 routes go with their link without a word of their own: the link event is the sign',
  async (t) => {
    const network = new Network(t);
    network.ip('route add 10.0.0.0/24 dev near proto 80');
    using netlink = Netlink.open({ namespace: network.path });
    const events = netlink.watch(['link']);
    network.ip('link set near down');
    await within(events, (e) => e.event === 'link' && e.index === network.near && !e.up);
    t.deepEqual(netlink.routes({ protocol: 80 }), []);
  },
);

test.serial('two sockets in two namespaces see their own only', async (t) => {
  const networks = [new Network(t), new Network(t)] as const;
  using first = Netlink.open({ namespace: networks[0].path });
  using second = Netlink.open({ namespace: networks[1].path });
  const events = [first.watch(all), second.watch(all)] as const;
  first.putAddress({ index: networks[0].near, address: '192.0.2.1', prefixLength: 24 });
  second.putAddress({ index: networks[1].near, address: '192.0.2.2', prefixLength: 24 });
  const told = await Promise.all(
    events.map((own) => within(own, (e) => e.event === 'address' && e.family === 'ipv4')),
  );
  t.deepEqual(
    told.map((e) => e.event === 'address' && e.address),
    ['192.0.2.1', '192.0.2.2'],
  );
  const has = (netlink: Netlink, text: string) =>
    netlink.addresses().some(({ address }) => address === text);
  t.deepEqual(
    [first, second].map((netlink) => [has(netlink, '192.0.2.1'), has(netlink, '192.0.2.2')]),
    [
      [true, false],
      [false, true],
    ],
  );
});

test.serial('a watch stays in the namespace of its socket after the path is gone', async (t) => {
  const network = new Network(t);
  const name = `${network.name}-gone`;
  execFileSync('ip', ['netns', 'add', name]);
  const opened = Netlink.open({ namespace: `/run/netns/${name}` });
  execFileSync('ip', ['netns', 'delete', name]);
  using netlink = opened;
  const events = netlink.watch(['link', 'address']);
  netlink.putAddress({ index: 1, address: '192.0.2.1', prefixLength: 32 });
  await within(events, (e) => e.event === 'address' && e.address === '192.0.2.1');
  t.deepEqual(
    netlink.links().map((link) => link.name),
    ['lo'],
  );
});

test.serial(
  'events that the kernel had to drop are told as overflow, and the watch goes on',
  async (t) => {
    const network = new Network(t);
    using netlink = Netlink.open({ namespace: network.path });
    const events = netlink.watch(['route']);
    const to = Array.from({ length: 20000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24 dev near`);
    network.batch(to.map((route) => `route add ${route}`));
    network.batch(to.map((route) => `route delete ${route}`));
    t.deepEqual(await within(events, (e) => e.event === 'overflow'), { event: 'overflow' });
    network.ip('route add 172.16.0.0/24 dev near');
    await within(events, (e) => e.event === 'route' && e.destination === '172.16.0.0/24');
  },
);

test.serial('the signal ends a waiting iterator, and one that has not begun', async (t) => {
  const network = new Network(t);
  using netlink = Netlink.open({ namespace: network.path });
  const controller = new AbortController();
  const waiting = netlink.watch(['link'], controller.signal).next();
  const unused = netlink.watch(['link'], controller.signal);
  await wait(20);
  controller.abort();
  t.deepEqual(await waiting, { done: true, value: undefined });
  t.deepEqual(await unused.next(), { done: true, value: undefined });
  const late = netlink.watch(['link'], controller.signal);
  t.deepEqual(await late.next(), { done: true, value: undefined });
});

test.serial('break ends a watch, and closing the socket ends the others', async (t) => {
  const network = new Network(t);
  const netlink = Netlink.open({ namespace: network.path });
  const broken = netlink.watch(['link']);
  network.ip('link set near mtu 1400');
  for await (const event of broken) {
    t.is(event.event, 'link');
    break;
  }
  t.deepEqual(await broken.next(), { done: true, value: undefined });
  const waiting = netlink.watch(['link']).next();
  await wait(20);
  netlink[Symbol.dispose]();
  t.deepEqual(await waiting, { done: true, value: undefined });
});

test.serial('a process whose watch was aborted exits by itself', async (t) => {
  const network = new Network(t);
  const program = `
    const { Netlink } = await import(${JSON.stringify(library)});
    const netlink = Netlink.open({ namespace: ${JSON.stringify(network.path)} });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    for await (const event of netlink.watch(['link', 'route'], controller.signal)) void event;
    console.log('ended');`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
    timeout: 10_000,
  });
  t.is(stdout, 'ended\n');
});

test.serial(
  'a worker thread that is terminated while it watches takes nothing with it',
  async (t) => {
    const network = new Network(t);
    const program = `
    import(${JSON.stringify(library)}).then(async ({ Netlink }) => {
      const netlink = Netlink.open({ namespace: ${JSON.stringify(network.path)} });
      const events = netlink.watch(['link']);
      require('node:worker_threads').parentPort.postMessage('watching');
      for await (const event of events) void event;
    });`;
    const worker = new Worker(program, { eval: true });
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    using netlink = Netlink.open({ namespace: network.path });
    t.is(netlink.links().length, 3);
  },
);

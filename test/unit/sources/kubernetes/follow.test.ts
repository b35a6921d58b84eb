import test from 'ava';
import { KubeServer, reply } from '../../../support/kube-server.js';
import { block, node, pool, quick, Reader, type Test } from '../../../support/kube-reader.js';

/** A cluster of two nodes, a pool and a block of each, and who reads it. */
async function cluster(
  t: Test,
  timing: object = {},
): Promise<{ server: KubeServer; reader: Reader }> {
  const server = await KubeServer.open();
  for (const one of small) server.put(one);
  const reader = new Reader({ kubeconfig: server.kubeconfig(t), timing: { ...quick, ...timing } });
  t.teardown(async () => {
    await reader[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  return { server, reader };
}

const small = [node('a', 1), node('b', 2), pool('p', '10.1.0.0/16'), block(0, 'a'), block(1, 'b')];
const smallWorld = 'p a b 10.1.0.0/26@a 10.1.0.64/26@b';

const listsOf = ({ asked }: KubeServer, plural: string): number =>
  asked.filter((one) => one === `get ${plural}`).length;

test('nothing is told before everything is listed', async (t) => {
  const server = await KubeServer.open();
  await using _closed = server;
  for (const one of small) server.put(one);
  let release = (): void => undefined;
  server.script = ({ plural, response, isWatch }) => {
    if (plural !== 'ipamblocks' || isWatch) return false;
    server.script = () => false;
    release = () => reply(response, 200, { metadata: { resourceVersion: '105' }, items: null });
    return true;
  };
  await using reader = new Reader({ kubeconfig: server.kubeconfig(t), timing: quick });
  await reader.until(() => server.asked.includes('get ipamblocks'));
  t.deepEqual(reader.readings, []);
  t.is(listsOf(server, 'nodes'), 1);
  release();
  await reader.until(() => reader.now.inventory !== undefined);
  t.is(reader.world, 'p a b');
});

test('a change is told, and which block it was', async (t) => {
  const { server, reader } = await cluster(t);
  await reader.until(() => reader.world === smallWorld);
  await reader.until(() => server.watchesOf('ipamblocks') === 1);
  server.put(block(1, 'a'));
  await reader.until(() => reader.world === smallWorld.replace('@b', '@a'));
  t.deepEqual([...(reader.now.changed?.keys() ?? [])].map(String), ['10.1.0.64/26']);
  server.remove('IPAMBlock', '10-1-0-64-26');
  server.put(node('c', 3));
  await reader.until(() => reader.world === 'p a b c 10.1.0.0/26@a');
  server.remove('Node', 'c');
  await reader.until(() => reader.world === 'p a b 10.1.0.0/26@a');
  t.is(listsOf(server, 'nodes'), 1);
});

test('a list comes in pages, and what changes meanwhile is not lost', async (t) => {
  const server = await KubeServer.open();
  await using _closed = server;
  for (const one of small) server.put(one);
  for (let number = 2; number < 2500; number += 1) server.put(block(number, 'b'));
  let pages = 0;
  server.script = ({ plural, isWatch }) => {
    if (plural !== 'ipamblocks' || isWatch) return false;
    pages += 1;
    return false;
  };
  await using reader = new Reader({ kubeconfig: server.kubeconfig(t), timing: quick });
  // After the nodes were listed, before they are watched.
  await reader.until(() => server.asked.includes('get ippools'));
  server.put(node('late', 9));
  await reader.until(() => reader.now.inventory?.nodes.has('late' as never) === true);
  t.is([...(reader.now.inventory?.blocks ?? [])].length, 2500);
  t.is(pages, 5);
});

test('a cut connection is taken up where it was, without a new list', async (t) => {
  const { server, reader } = await cluster(t);
  await reader.until(() => server.watchesOf('ipamblocks') === 1);
  await server.close();
  server.put(block(2, 'a'));
  server.remove('IPAMBlock', '10-1-0-64-26');
  await reader.until(() => reader.faults.length > 0);
  t.is(reader.world, smallWorld);
  t.regex(reader.faults[0] ?? '', /^the Kubernetes API at http:\S+ does not answer: ECONN/);
  await server.listen();
  await reader.until(() => reader.world === 'p a b 10.1.0.0/26@a 10.1.0.128/26@a');
  await reader.until(() => reader.faults.length === 0);
  t.is(listsOf(server, 'ipamblocks'), 1);
});

test('a bookmark moves the place from which a watch goes on', async (t) => {
  const { server, reader } = await cluster(t);
  await reader.until(() => server.watchesOf('ippools') === 1 && server.watchesOf('nodes') === 1);
  for (let step = 0; step < 5; step += 1) server.put(node('b', 20 + step));
  const { version } = server;
  server.bookmark('ippools');
  server.put(node('b', 3));
  await reader.until(
    () => [...(reader.now.inventory?.nodes.values() ?? [])][1]?.ipv4.bgp?.address === '172.16.0.3',
  );
  server.cut();
  await reader.until(() => server.asked.includes(`watch ippools?resourceVersion=${version}`));
  t.pass();
});

test('410 Gone: all is listed anew, and nothing is deleted before the list is complete', async (t) => {
  const { server, reader } = await cluster(t);
  await reader.until(() => server.watchesOf('ipamblocks') === 1 && server.watchesOf('nodes') === 1);
  let release = (): void => undefined;
  server.remove('IPAMBlock', '10-1-0-64-26');
  await reader.until(() => reader.world === 'p a b 10.1.0.0/26@a');
  await server.close();
  server.put(block(3, 'b'));
  server.remove('IPAMBlock', '10-1-0-0-26');
  server.compact();
  server.script = ({ plural, response, isWatch }) => {
    if (isWatch || plural !== 'ippools') return false;
    server.script = () => false;
    release = () =>
      reply(response, 200, {
        metadata: { resourceVersion: String(server.version) },
        items: [pool('p', '10.1.0.0/16')],
      });
    return true;
  };
  await server.listen();
  await reader.until(() => listsOf(server, 'ippools') === 2);
  t.is(reader.world, 'p a b 10.1.0.0/26@a');
  release();
  await reader.until(() => reader.world === 'p a b 10.1.0.192/26@b');
  t.is(listsOf(server, 'ipamblocks'), 2);
  await reader.until(() => reader.faults.length === 0);
});

test('410 in the middle of a watch, as an HTTP status and of a continued list', async (t) => {
  const { server, reader } = await cluster(t);
  await reader.until(() => server.watchesOf('ipamblocks') === 1);
  const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
  server.say('ipamblocks', { type: 'ERROR', object: gone });
  await reader.until(() => listsOf(server, 'ipamblocks') === 2 && server.watchesOf('nodes') === 1);
  server.script = ({ isWatch, plural, response }) => {
    if (isWatch && plural === 'nodes') server.script = onceInList;
    else return false;
    reply(response, 410, gone);
    return true;
  };
  const onceInList: KubeServer['script'] = ({ isWatch, plural, response }) => {
    if (isWatch || plural !== 'ipamblocks') return false;
    server.script = () => false;
    reply(response, 410, gone);
    return true;
  };
  server.cut();
  await reader.until(() => listsOf(server, 'ipamblocks') === 4 && server.watchesOf('nodes') === 1);
  await reader.until(() => reader.faults.length === 0);
  t.is(reader.world, smallWorld);
});

test('events that come twice change nothing, and a history that goes back is not believed', async (t) => {
  const { server, reader } = await cluster(t);
  await reader.until(() => server.watchesOf('ipamblocks') === 1);
  const lines: string[] = [];
  const event = (type: string, number: number, owner: string, version: number): void => {
    const { metadata, ...rest } = block(number, owner);
    const object = { ...rest, metadata: { ...metadata, resourceVersion: String(version) } };
    lines.push(JSON.stringify({ type, object }));
  };
  const { version } = server;
  server.put(block(2, 'b'));
  event('ADDED', 2, 'b', version + 1);
  event('MODIFIED', 2, 'b', version + 1);
  for (const line of lines) server.say('ipamblocks', `${line}\n`);
  await reader.until(
    () => reader.world === smallWorld.replace('10.1.0.64', '10.1.0.128/26@b 10.1.0.64'),
  );
  t.is(listsOf(server, 'ipamblocks'), 1);
  // Older than what was told last: of another history, whatever it says.
  event('DELETED', 0, 'a', version - 3);
  server.say('ipamblocks', `${lines.at(-1) ?? ''}\n`);
  await reader.until(() => listsOf(server, 'ipamblocks') === 2);
  await reader.until(() => server.watchesOf('ipamblocks') === 1);
  t.true(reader.readings.every(({ inventory }) => [...(inventory?.blocks ?? [])].length !== 1));
});

for (const isCut of [false, true])
  test(`a restored backup: versions go back, and the world is the restored one (cut: ${isCut})`, async (t) => {
    const { server, reader } = await cluster(t, { silenceMs: 20, discoveryMs: 100 });
    await reader.until(() => server.watchesOf('ipamblocks') === 1);
    server.put(block(2, 'b'));
    await reader.until(() => reader.world.includes('10.1.0.128/26@b'));
    server.restore(50);
    // Watches from a version that is yet to come hear of nothing.
    if (isCut) server.cut();
    server.remove('IPAMBlock', '10-1-0-128-26');
    await reader.until(() => reader.world === smallWorld);
    t.true(listsOf(server, 'ipamblocks') >= 2);
  });

test('all pages of all lists come over one connection, and each watch has its own', async (t) => {
  await using server = await KubeServer.open();
  for (const one of [
    ...small.slice(0, 3),
    ...Array.from({ length: 1001 }, (_, n) => block(n, 'a')),
  ])
    server.put(one);
  const [listing, watching] = [new Set<unknown>(), new Set<unknown>()];
  server.script = ({ request: { socket }, isWatch }) => {
    (isWatch ? watching : listing).add(socket);
    return false;
  };
  await using reader = new Reader({ kubeconfig: server.kubeconfig(t), timing: quick });
  await reader.until(() => watching.size === 4);
  t.is(listsOf(server, 'ipamblocks'), 3);
  t.is(listing.size, 1);
  t.is(new Set([...listing, ...watching]).size, 5);
});

test('the end of a reader ends its connections', async (t) => {
  const { server, reader } = await cluster(t);
  await reader.until(() => server.watchesOf('ipamblocks') === 1);
  await reader[Symbol.asyncDispose]();
  const end = performance.now() + 2000;
  while (server.openConnections > 0 && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(server.openConnections, 0);
});

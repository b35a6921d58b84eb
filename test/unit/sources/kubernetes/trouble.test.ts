import test from 'ava';
import { type Asked, KubeServer, refuse, reply } from '../../../support/kube-server.js';
import { block, node, pool, quick, Reader, type Test } from '../../../support/kube-reader.js';

const small = [node('a', 1), node('b', 2), pool('p', '10.1.0.0/16'), block(0, 'a'), block(1, 'b')];
const smallWorld = 'p a b 10.1.0.0/26@a 10.1.0.64/26@b';

async function serving(t: Test): Promise<KubeServer> {
  const server = await KubeServer.open();
  t.teardown(() => server[Symbol.asyncDispose]());
  for (const one of small) server.put(one);
  return server;
}

function reading(t: Test, server: KubeServer, more: object = {}): Reader {
  const reader = new Reader({ kubeconfig: server.kubeconfig(t), timing: quick, ...more });
  t.teardown(() => reader[Symbol.asyncDispose]());
  return reader;
}

/** What a server in trouble does with a request, and what is told of it. */
type Trouble = readonly [what: string, act: (asked: Asked) => void, told: RegExp, hint?: RegExp];

const impatient = { ...quick, openMs: 700, answerMs: 1000 };

const forbidden = (plural: string): string =>
  `${plural}.crd.projectcalico.org is forbidden: User "x" cannot list resource "${plural}"`;

const troubles: readonly Trouble[] = [
  [
    'resets connections',
    ({ request }) => request.socket.resetAndDestroy(),
    /ECONNRESET: the connection was cut/,
  ],
  ['accepts and keeps silent', () => undefined, /does not answer within (?:1|0\.7) s/],
  [
    'breaks off in the middle',
    ({ response }) => {
      response.writeHead(200, { 'content-length': '5000' });
      response.write('{"metadata":');
      setTimeout(() => response.destroy(), 20);
    },
    /the Kubernetes API at \S+ does not answer: ECONNRESET/,
  ],
  [
    'answers with one byte a second',
    ({ response }) => {
      response.writeHead(200, { 'content-length': '5000' });
      const drip = setInterval(() => response.write(' '), 400);
      response.once('close', () => clearInterval(drip));
    },
    /does not answer within 1 s/,
  ],
  [
    'wants to be left alone',
    ({ response }) => refuse(response, 429, 'too many requests', { 'retry-after': '1' }),
    /429: too many requests/,
  ],
  [
    'has lost its etcd',
    ({ response }) => refuse(response, 500, 'etcdserver: leader changed'),
    /500: etcdserver: leader changed/,
    /readyz/,
  ],
  [
    'is a proxy without a server behind it',
    ({ response }) => {
      response.writeHead(502, { 'content-type': 'text/html' });
      response.end('<html>Bad Gateway</html>\nmore');
    },
    /502: <html>Bad Gateway<\/html>$/,
  ],
  [
    'is a login page',
    ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>Who are you?</html>');
    },
    /the answer is not JSON: "<html>Who are you\?<\/html>"/,
  ],
  [
    'is another API',
    ({ response }) => reply(response, 200, { hello: 'world' }),
    /the answer is no list/,
  ],
  [
    'does not know us',
    ({ response }) => refuse(response, 401, 'Unauthorized'),
    /does not know this user: 401: Unauthorized/,
    /expired/,
  ],
  [
    'forbids',
    ({ response, plural }) => refuse(response, 403, forbidden(plural)),
    /the Kubernetes API at \S+ forbids to list ipamblocks\.crd\.projectcalico\.org: 403: ipamblocks\S+ is forbidden/,
    /verb list on ipamblocks\.crd\.projectcalico\.org: kubectl apply -f deploy\/base\/rbac\.yaml/,
  ],
];

for (const [what, act, told, hint] of troubles)
  test(`a server that ${what} at the start is told, and waited for`, async (t) => {
    const server = await serving(t);
    server.script = (asked) => {
      if (asked.plural !== 'ipamblocks') return false;
      act(asked);
      return true;
    };
    const reader = reading(t, server, { timing: impatient });
    await reader.until(() => told.test(reader.faults[0] ?? ''));
    t.is(reader.world, 'none');
    if (hint !== undefined) t.regex(reader.now.faults?.[0]?.hint ?? '', hint);
    server.script = () => false;
    await reader.until(() => reader.world === smallWorld && reader.faults.length === 0);
  });

for (const [what, act, told] of troubles.filter(([one]) => !/byte|page|API/.test(one)))
  test(`a watch of a server that ${what}: the last world stays`, async (t) => {
    const server = await serving(t);
    const reader = reading(t, server, { timing: impatient });
    await reader.until(() => server.watchesOf('ipamblocks') === 1);
    server.script = (asked) => {
      if (asked.plural !== 'ipamblocks') return false;
      act(asked);
      return true;
    };
    server.cut();
    server.remove('IPAMBlock', '10-1-0-64-26');
    await reader.until(() => told.test(reader.faults[0]?.replace('to watch', 'to list') ?? ''));
    t.is(reader.world, smallWorld);
    server.script = () => false;
    await reader.until(() => reader.world === 'p a b 10.1.0.0/26@a' && reader.faults.length === 0);
  });

test('a server that is not there at the start is waited for', async (t) => {
  const server = await serving(t);
  await server.close();
  const reader = reading(t, server);
  await reader.until(() => reader.faults.length > 0);
  t.regex(reader.faults[0] ?? '', /ECONNREFUSED: nothing listens there/);
  await server.listen();
  await reader.until(() => reader.world === smallWorld && reader.faults.length === 0);
});

test('a server that has just started and is not ready is no cluster without Calico', async (t) => {
  const server = await serving(t);
  const { served } = server;
  server.served = {};
  server.script = ({ plural, response }) => {
    if (plural !== 'readyz') return false;
    refuse(response, 500, '[-]poststarthook/crd-informer-synced failed');
    return true;
  };
  const reader = reading(t, server);
  await reader.until(() => reader.faults.length > 0);
  t.is(reader.world, 'none');
  server.served = served;
  server.script = () => false;
  await reader.until(() => reader.world === smallWorld);
});

test('connections that lead nowhere are found, though nothing happens to them', async (t) => {
  const server = await serving(t);
  const timing = { ...quick, openMs: 500, silenceMs: 200, signMs: 300 };
  const reader = reading(t, server, { timing });
  await reader.until(() => server.watchesOf('ipamblocks') === 1 && server.watchesOf('nodes') === 1);
  // Everything open stays open and is silent, everything new too.
  const say = server.say.bind(server);
  server.say = () => undefined;
  server.script = () => true;
  server.put(block(2, 'b'));
  const beganMs = performance.now();
  await reader.until(() => reader.faults.length > 0);
  t.true(performance.now() - beganMs < 2 * timing.silenceMs + timing.signMs + 1000);
  t.regex(reader.faults[0] ?? '', /does not answer within 0\.3 s/);
  t.is(reader.world, smallWorld);
  server.say = say;
  server.script = () => false;
  await reader.until(() => reader.world.includes('10.1.0.128/26@b') && reader.faults.length === 0);
});

test('silence alone is no fault: the server is asked for a sign of life', async (t) => {
  const server = await serving(t);
  const reader = reading(t, server, { timing: { ...quick, silenceMs: 20 } });
  const asked = (what: string): number => server.asked.filter((one) => one === what).length;
  await reader.until(() => asked('get version') > 3);
  t.is(server.asked.filter((one) => one.startsWith('watch nodes')).length, 1);
  t.deepEqual(reader.faults, []);
  // Whoever refuses is alive.
  server.script = ({ plural, response }) => {
    if (plural === 'version') refuse(response, 403, 'no');
    return plural === 'version';
  };
  const before = asked('get version');
  await reader.until(() => asked('get version') > before + 3);
  t.is(server.asked.filter((one) => one.startsWith('watch nodes')).length, 1);
});

test('a server in trouble is not stormed', async (t) => {
  const server = await serving(t);
  const reader = reading(t, server);
  await reader.until(() => server.watchesOf('ipamblocks') === 1);
  server.script = ({ response }) => {
    refuse(response, 500, 'no');
    return true;
  };
  server.cut();
  const before = server.asked.length;
  await new Promise((resolve) => setTimeout(resolve, 1500));
  // Four watches that wait 0.1 to 0.2 s, then twice as long, and so on; and signs of life.
  t.true(server.asked.length - before < 4 * 5 + 15, `${server.asked.length - before} requests`);
});

test('a rest that the server asks for is kept', async (t) => {
  const server = await serving(t);
  let asked = 0;
  server.script = ({ plural, response }) => {
    if (plural !== 'ipamblocks') return false;
    asked += 1;
    refuse(response, 429, 'too many requests', { 'retry-after': '1' });
    return true;
  };
  const reader = reading(t, server);
  await reader.until(() => reader.faults.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 800));
  t.is(asked, 1);
});

test('lines that are no events: the connection is given up, and nothing is lost', async (t) => {
  const server = await serving(t);
  const reader = reading(t, server);
  await reader.until(() => server.watchesOf('ipamblocks') === 1);
  for (const garbage of [
    '{"type":"ADDED","obj\n',
    'hello\n',
    '{"type":"WHAT","object":{}}\n',
    'null\n',
  ]) {
    const before = server.asked.length;
    server.say('ipamblocks', garbage);
    await reader.until(() => reader.faults.length > 0);
    await reader.until(() => server.watchesOf('ipamblocks') === 1 && reader.faults.length === 0);
    t.true(server.asked.length > before);
  }
  server.put(block(2, 'b'));
  await reader.until(() => reader.world.includes('10.1.0.128/26@b'));
  t.is(server.asked.filter((one) => one === 'get ipamblocks').length, 1);
});

test('half a line is no line: the rest may come later, or never', async (t) => {
  const server = await serving(t);
  const reader = reading(t, server);
  await reader.until(() => server.watchesOf('ipamblocks') === 1);
  const say = server.say.bind(server);
  server.say = (plural, frame) => {
    const bytes = Buffer.from(String(frame));
    for (let at = 0; at < bytes.length; at += 1)
      setTimeout(() => say(plural, bytes.subarray(at, at + 1)), at / 50);
  };
  server.put(block(2, 'b', { affinity: 'host:bé' }));
  await reader.until(() => reader.world.includes('10.1.0.128/26@bé'));
  server.say = (plural, frame) => say(plural, String(frame).trimEnd());
  server.put(block(3, 'b'));
  server.say = say;
  server.cut();
  await reader.until(() => reader.world.includes('10.1.0.192/26@b'));
  t.pass();
});

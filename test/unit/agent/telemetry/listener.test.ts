import { connect } from 'node:net';
import test from 'ava';
import { Listener, type Page, type Pages } from '../../../../src/agent/telemetry/listener.js';
import { EncapError } from '../../../../src/errors.js';
import { readSocketAddress, type SocketAddress } from '../../../../src/net/socket-address.js';

const anyPort = '127.0.0.1:0' as SocketAddress;
const hello: Page = { status: 200, type: 'text/plain', text: 'hello\n' };
const pages: Pages = new Map<string, () => Page | Promise<Page>>([
  ['/hello', () => hello],
  ['/broken', () => Promise.reject(new Error('the map is gone'))],
]);

test('a page is read with GET and HEAD, and nothing else is taken', async (t) => {
  await using listener = await Listener.open(anyPort, pages);
  const answer = await fetch(`${listener.url}/hello?x=1`);
  t.is(answer.headers.get('content-type'), 'text/plain');
  t.is(await answer.text(), 'hello\n');
  const head = await fetch(`${listener.url}/hello`, { method: 'HEAD' });
  t.is(head.headers.get('content-length'), '6');
  t.is(await head.text(), '');
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const { status, headers } = await fetch(`${listener.url}/hello`, { method });
    t.is(status, 405, method);
    t.is(headers.get('allow'), 'GET, HEAD');
  }
});

test('an unknown path is told which there are, and a page that fails says why', async (t) => {
  await using listener = await Listener.open(anyPort, pages);
  const unknown = await fetch(`${listener.url}/../etc/passwd`);
  t.is(unknown.status, 404);
  t.is(await unknown.text(), 'there is: /hello /broken\n');
  const broken = await fetch(`${listener.url}/broken`);
  t.is(broken.status, 500);
  t.is(await broken.text(), 'the map is gone\n');
});

test('it ends while somebody holds a connection open and says nothing', async (t) => {
  const listener = await Listener.open(anyPort, pages);
  const silent = connect(Number(new URL(listener.url).port), '127.0.0.1');
  await new Promise((done) => silent.once('connect', done));
  const closed = new Promise((done) => silent.once('close', done));
  await listener[Symbol.asyncDispose]();
  await closed;
  t.pass();
});

test('an address that another listens on is refused with a way to see which', async (t) => {
  await using listener = await Listener.open(anyPort, pages);
  const { host } = new URL(listener.url);
  const taken = readSocketAddress(host) as SocketAddress;
  const failure = await t.throwsAsync(Listener.open(taken, pages), { instanceOf: EncapError });
  t.is(failure.code, 'LISTEN_FAILED');
  t.is(failure.message, `cannot listen on ${host}: EADDRINUSE`);
  t.is(failure.hint, `see which: ss -ltnp 'sport = ${host.split(':')[1] ?? ''}'`);
});

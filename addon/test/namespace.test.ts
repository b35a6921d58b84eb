import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { inNamespace, Namespace, Netlink, NetlinkError } from '../lib/index.js';
import { Network } from './support/network.js';

const library = new URL('../lib/index.js', import.meta.url).href;

/** The namespace that this thread is in. */
const here = () => readlinkSync('/proc/thread-self/ns/net');

test.serial(
  'the function runs in the namespace, its children too, and the thread comes back',
  (t) => {
    const network = new Network(t);
    const home = here();
    const inside = inNamespace(network.path, () => ({
      namespace: here(),
      links: execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }),
    }));
    t.is(
      inside.namespace,
      execFileSync('ip', ['netns', 'exec', network.name, 'readlink', '/proc/self/ns/net'], {
        encoding: 'utf8',
      }).trim(),
    );
    t.regex(inside.links, /near@far/);
    t.is(here(), home);
  },
);

test.serial('the thread comes back after an exception, which goes on to the caller', (t) => {
  const network = new Network(t);
  const home = here();
  const error = new Error('inside');
  const thrown = t.throws(() =>
    inNamespace(network.path, () => {
      throw error;
    }),
  );
  t.is(thrown, error);
  t.is(here(), home);
});

test.serial('visits nest, and each comes back to where it started', (t) => {
  const outer = new Network(t);
  const inner = new Network(t);
  const home = here();
  const trail = inNamespace(outer.path, () => {
    const first = here();
    const second = inNamespace(inner.path, here);
    t.throws(() => inNamespace(inner.path, () => JSON.parse('{') as unknown));
    return [first, second, here()];
  });
  t.not(trail[0], home);
  t.not(trail[1], trail[0]);
  t.is(trail[2], trail[0]);
  t.is(here(), home);
});

test.serial(
  'a promise is refused after coming back, whether it would be kept or not',
  async (t) => {
    const network = new Network(t);
    const home = here();
    const asynchronous = [
      () => Promise.resolve(1),
      () => Promise.reject(new Error('never heard of')),
      async () => {
        await Promise.resolve();
        return here();
      },
    ];
    for (const run of asynchronous) {
      t.throws(() => inNamespace<unknown>(network.path, run), {
        instanceOf: TypeError,
        message: /run must be synchronous/,
      });
      t.is(here(), home);
    }
    await new Promise((resolve) => setImmediate(resolve));
    t.is(here(), home);
  },
);

test.serial('a socket opened inside stays there', (t) => {
  const network = new Network(t);
  using netlink = inNamespace(network.path, () => Netlink.open());
  t.true(netlink.links().some(({ name }) => name === 'near'));
});

test.serial('a path that is missing or no namespace is refused with the next step', (t) => {
  const home = here();
  for (const [path, code, hint] of [
    ['/run/netns/nl-nowhere', 'ENOENT', /ip netns list/],
    ['/etc/hostname', 'EINVAL', /\/run\/netns\/NAME/],
    ['/proc/self/ns/uts', 'EINVAL', /\/run\/netns\/NAME/],
  ] as const) {
    for (const use of [() => inNamespace(path, () => 1), () => Netlink.open({ namespace: path })]) {
      const error = t.throws(use, { instanceOf: NetlinkError });
      t.is(error.code, code);
      t.true(error.message.startsWith(`cannot enter network namespace ${path}: ${code}: `));
      t.regex(error.hint ?? '', hint);
    }
  }
  t.is(here(), home);
});

test.serial('wrong arguments are TypeErrors', (t) => {
  const enter = inNamespace as (...values: unknown[]) => unknown;
  t.throws(() => enter(), { instanceOf: TypeError });
  t.throws(() => enter(7, () => 1), { instanceOf: TypeError });
  t.throws(() => enter('/proc/self/ns/net'), { instanceOf: TypeError });
  t.throws(() => enter('/proc/self/ns/net\0', () => 1), { instanceOf: TypeError });
  const seven: unknown = 7;
  t.throws(() => Netlink.open({ namespace: seven as string }), { instanceOf: TypeError });
});

test.serial('a thousand visits leave no descriptor open', (t) => {
  const network = new Network(t);
  const count = () =>
    execFileSync('ls', [`/proc/${process.pid}/fd`], { encoding: 'utf8' }).split('\n').length;
  const before = count();
  for (let i = 0; i < 1000; i += 1) inNamespace(network.path, () => i);
  for (let i = 0; i < 100; i += 1) Netlink.open({ namespace: network.path })[Symbol.dispose]();
  t.true(Math.abs(count() - before) < 50, 'other tests of this process open a few');
});

test.serial(
  'a worker thread visits by itself: the main thread stays, even when it is terminated inside',
  async (t) => {
    const network = new Network(t);
    const home = here();
    const program = `
    import(${JSON.stringify(library)}).then(({ inNamespace }) =>
      inNamespace(${JSON.stringify(network.path)}, () => {
        require('node:worker_threads').parentPort.postMessage('inside');
        for (;;);
      }));`;
    const worker = new Worker(program, { eval: true });
    await new Promise((resolve) => worker.once('message', resolve));
    t.is(here(), home);
    await worker.terminate();
    t.is(here(), home);
  },
);

test.serial('a namespace of one’s own has a loopback interface and no name', (t) => {
  const home = here();
  const network = new Network(t);
  const nameOf = (path: string) =>
    inNamespace(path, () => execFileSync('ip', ['netns', 'identify'], { encoding: 'utf8' }).trim());
  using own = Namespace.create();
  t.is(here(), home);
  t.not(inNamespace(own.path, here), home);
  using netlink = Netlink.open({ namespace: own.path });
  t.like(netlink.links(), [{ index: 1, name: 'lo', up: false }]);
  t.is(nameOf(own.path), '');
  t.is(nameOf(network.path), network.name);
});

test.serial(
  'the namespace that the thread is in is entered without CAP_SYS_ADMIN; others are not',
  (t) => {
    const network = new Network(t);
    const program = `
    const { inNamespace, Netlink } = await import(${JSON.stringify(library)});
    const netlink = Netlink.open();
    void netlink.watch(['link']).return();
    console.log(inNamespace('/proc/self/ns/net', () => 'inside'));
    inNamespace(${JSON.stringify(network.path)}, () => console.log('elsewhere'));`;
    const bounds = ['--bounding-set', '-all,+net_admin', '--inh-caps', '-all,+net_admin'];
    const { stdout, stderr } = spawnSync(
      'setpriv',
      [...bounds, process.execPath, '--input-type=module', '-e', program],
      { encoding: 'utf8' },
    );
    t.is(stdout, 'inside\n');
    t.regex(stderr, /cannot enter network namespace .*: EPERM/);
  },
);

test.serial('a closed namespace is gone, and says so', (t) => {
  const own = Namespace.create();
  const { path } = own;
  own[Symbol.dispose]();
  own[Symbol.dispose]();
  t.false(existsSync(path));
  t.throws(() => own.path, { message: /the network namespace is closed/ });
});

test.serial('a namespace goes with its process, however that ends', async (t) => {
  const network = new Network(t);
  const program = `
    const { inNamespace, Namespace } = await import(${JSON.stringify(library)});
    const { execFileSync } = await import('node:child_process');
    globalThis.own = Namespace.create();
    inNamespace(own.path, () => execFileSync('ip', ['link', 'add', 'inside', 'type', 'veth', 'peer',
      'name', 'outside', 'netns', ${JSON.stringify(network.name)}], { env: { PATH: process.env.PATH } }));
    console.log('made');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const outside = (): boolean => network.ip('-o link').includes('outside');
  t.true(outside());
  child.kill('SIGKILL');
  await once(child, 'exit');
  for (let tries = 0; tries < 100 && outside(); tries += 1) await setTimeout(50);
  t.false(outside(), 'the kernel took the pair away with the namespace');
});

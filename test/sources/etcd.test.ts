import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { EncapError } from '../../src/errors.js';
import type { Access } from '../../src/sources/etcd/connection.js';
import { etcdSource, type EtcdSourceOptions } from '../../src/sources/etcd/source.js';
import { Etcd, etcdProgram, secretIn } from '../support/etcd.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { Follower } from './reading.js';

const resources = '/calico/resources/v3/projectcalico.org';
const blockPrefix = '/calico/ipam/v2/assignment/ipv4/block/';

/** A test with an etcd of its own, where there is one. */
function withEtcd(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  test(title, async (t) => {
    t.timeout(120_000);
    if (etcdProgram() !== undefined) return run(t);
    t.log('skipped: no etcd on this machine');
    t.pass();
  });
}

/** As Calico's IPAM writes it. */
function block(cidr: string, owner: string): object {
  return {
    cidr,
    affinity: `host:${owner}`,
    allocations: [0, null, 1, null],
    unallocated: [1, 3],
    attributes: [
      { handle_id: `vxlan-tunnel-addr-${owner}`, secondary: { node: owner } },
      { handle_id: 'pod', secondary: null },
    ],
    strictAffinity: false,
    sequenceNumber: 7,
    sequenceNumberForAllocation: {},
    deleted: false,
  };
}

async function putBlock(etcd: Etcd, place: number, owner: string): Promise<void> {
  await etcd.put(`${blockPrefix}10.244.${place}.0-26`, block(`10.244.${place}.0/26`, owner));
}

async function fill(etcd: Etcd, blocks: number): Promise<void> {
  for (const [index, name] of ['node-a', 'node-b'].entries())
    await etcd.put(`${resources}/nodes/${name}`, {
      kind: 'Node',
      apiVersion: 'projectcalico.org/v3',
      metadata: { name, uid: 'x', creationTimestamp: null },
      spec: { bgp: { ipv4Address: `192.168.1.${index + 11}/24` } },
      status: {},
    });
  await etcd.put(`${resources}/ippools/default-ipv4-ippool`, {
    kind: 'IPPool',
    apiVersion: 'projectcalico.org/v3',
    metadata: { name: 'default-ipv4-ippool' },
    spec: { cidr: '10.244.0.0/16', vxlanMode: 'Always', ipipMode: 'Never', blockSize: 26 },
  });
  await etcd.put(`${resources}/felixconfigurations/default`, {
    kind: 'FelixConfiguration',
    metadata: { name: 'default' },
    spec: { vxlanVNI: 5000 },
  });
  for (let place = 0; place < blocks; place += 1) await putBlock(etcd, place, 'node-b');
}

function follow(
  t: ExecutionContext,
  access: Partial<Access> & Pick<Access, 'endpoints'>,
  options: Omit<EtcdSourceOptions, 'access'> = {},
): Follower {
  return new Follower(t, etcdSource({ access, environment: {}, node: 'node-a', ...options }));
}

function owners(...all: readonly (string | undefined)[]): readonly string[] {
  const there = all.map((owner, place) => owner && `10.244.${place}.0/26 ${owner}`);
  return there.filter((one) => one !== undefined).sort();
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

withEtcd('what is there is one world, what changes is told block by block', async (t) => {
  const etcd = await Etcd.start(t);
  await fill(etcd, 2);
  await etcd.put(
    `${blockPrefix.replace('ipv4', 'ipv6')}fd00:10:244::-122`,
    block('fd00:10:244::/122', 'node-b'),
  );
  await etcd.put('/calico/ipam/v2/handle/pod', {});
  const source = follow(t, { endpoints: [etcd.endpoint] });
  await source.until(({ blocks }) => blocks !== undefined);
  const [first] = source.readings;
  t.is(source.readings.length, 1);
  t.deepEqual(source.blocks, [...owners('node-b', 'node-b'), 'fd00:10:244::/122 node-b']);
  t.deepEqual([...(first?.inventory?.nodes.keys() ?? [])], ['node-a', 'node-b'] as never);
  t.is(first?.inventory?.settings.vxlanVni, 5000);
  t.deepEqual(source.problems, [
    'etcd:/calico/ipam/v2/assignment/ipv6/block/fd00:10:244::-122: block fd00:10:244::/122 is in no pool: nothing is encapsulated for it',
  ]);
  await etcd.removeAll('/calico/ipam/v2/assignment/ipv6/');
  await source.until(({ blocks }) => isSame(blocks, owners('node-b', 'node-b')));
  await putBlock(etcd, 1, 'node-a');
  await source.until(({ blocks }) => isSame(blocks, owners('node-b', 'node-a')));
  t.deepEqual([...(source.readings.at(-1)?.changed?.keys() ?? [])], ['10.244.1.0/26'] as never);
  await etcd.remove(`${blockPrefix}10.244.0.0-26`);
  await source.until(({ blocks }) => isSame(blocks, owners(undefined, 'node-a')));
  await etcd.put(`${resources}/felixconfigurations/default`, { spec: { vxlanVNI: 6000 } });
  await source.until(({ readings }) => readings.at(-1)?.inventory?.settings.vxlanVni === 6000);
});

withEtcd('more keys than one answer has are one world too', async (t) => {
  const etcd = await Etcd.start(t);
  await fill(etcd, 2);
  for (let place = 0; place < 900; place += 1) {
    const [high, low] = [10 + (place >> 2), (place & 3) * 64];
    await etcd.put(
      `${blockPrefix}10.244.${high}.${low}-26`,
      block(`10.244.${high}.${low}/26`, 'node-b'),
    );
  }
  const source = follow(t, { endpoints: [etcd.endpoint] });
  await source.until(({ blocks }) => blocks !== undefined);
  t.deepEqual([source.readings.length, source.blocks?.length], [1, 902]);
});

withEtcd(
  'killed and started again: nothing is lost, nothing is told twice, one fault that ends',
  async (t) => {
    const etcd = await Etcd.start(t);
    await fill(etcd, 3);
    const source = follow(t, { endpoints: [etcd.endpoint] });
    await source.until(({ blocks }) => blocks?.length === 3);
    await etcd.kill();
    await source.until(({ faults }) => faults.length > 0);
    t.deepEqual(source.blocks, owners('node-b', 'node-b', 'node-b'));
    await sleep(500);
    await etcd.start();
    await putBlock(etcd, 1, 'node-a');
    await source.until(
      ({ blocks, faults }) =>
        faults.length === 0 && isSame(blocks, owners('node-b', 'node-a', 'node-b')),
      40_000,
    );
    const [, ...later] = source.readings;
    t.is(
      later.reduce((sum, { changed }) => sum + (changed?.size ?? 1000), 0),
      1,
    );
    // The change may come while not all is watched yet: it is told then, with the fault that still stands.
    const standing = later.map(({ faults = [] }) => faults);
    const phases = standing.filter((faults, at) => !isSame(faults, standing[at - 1]));
    t.deepEqual(
      phases.map((faults) => faults.map(({ short }) => short)),
      [['etcd not reached'], []],
    );
  },
);

withEtcd(
  'changed and compacted while the wire was cut: what happened is found in a new list',
  async (t) => {
    const etcd = await Etcd.start(t);
    await fill(etcd, 4);
    const proxy = await TcpProxy.to(t, etcd.port);
    const source = follow(t, { endpoints: [`http://127.0.0.1:${proxy.port}`] });
    await source.until(({ blocks }) => blocks?.length === 4);
    proxy.cut();
    await source.until(({ faults }) => isSame(faults, ['etcd not reached']));
    await etcd.remove(`${blockPrefix}10.244.0.0-26`);
    await putBlock(etcd, 1, 'node-a');
    await putBlock(etcd, 2, 'node-a');
    await etcd.compact();
    proxy.heal();
    await source.until(
      ({ blocks }) => isSame(blocks, owners(undefined, 'node-a', 'node-a', 'node-b')),
      40_000,
    );
    const { changed } = source.readings.findLast((one) => one.changed?.size !== 0) ?? {};
    t.deepEqual([...(changed?.keys() ?? [])].sort(), [
      '10.244.0.0/26',
      '10.244.1.0/26',
      '10.244.2.0/26',
    ] as never);
    await source.until(({ faults }) => faults.length === 0);
    await putBlock(etcd, 3, 'node-a');
    await source.until(({ blocks }) =>
      isSame(blocks, owners(undefined, 'node-a', 'node-a', 'node-a')),
    );
  },
);

withEtcd(
  'a wire that swallows everything is found within 30 s, and is whole again afterwards',
  async (t) => {
    const etcd = await Etcd.start(t);
    await fill(etcd, 1);
    const proxy = await TcpProxy.to(t, etcd.port);
    const source = follow(t, { endpoints: [`http://127.0.0.1:${proxy.port}`] });
    await source.until(({ blocks }) => blocks?.length === 1);
    proxy.swallow();
    await putBlock(etcd, 1, 'node-a');
    await source.until(({ faults }) => isSame(faults, ['etcd not reached']), 30_000);
    t.deepEqual(source.blocks, owners('node-b'));
    proxy.heal();
    await source.until(
      ({ blocks, faults }) => faults.length === 0 && isSame(blocks, owners('node-b', 'node-a')),
      45_000,
    );
  },
);

withEtcd('a wire that swallows everything from the start is found too', async (t) => {
  const etcd = await Etcd.start(t);
  await fill(etcd, 1);
  const proxy = await TcpProxy.to(t, etcd.port);
  proxy.swallow();
  const source = follow(t, { endpoints: [`http://127.0.0.1:${proxy.port}`] });
  await source.until(({ faults }) => isSame(faults, ['etcd not reached']), 30_000);
  t.is(source.blocks, undefined);
  proxy.heal();
  await source.until(({ blocks }) => isSame(blocks, owners('node-b')), 45_000);
});

withEtcd(
  'another cluster at the same place, without anything in it: held back, then believed',
  async (t) => {
    const etcd = await Etcd.start(t);
    await fill(etcd, 15);
    const options = { holdMs: 3000, environment: { NO_DEFAULT_POOLS: 'true' } };
    const source = follow(t, { endpoints: [etcd.endpoint] }, options);
    await source.until(({ blocks }) => blocks?.length === 15);
    await etcd.forget();
    await source.until(({ faults }) => isSame(faults, ['a list held back']), 40_000);
    t.is(source.blocks?.length, 15);
    t.regex(source.readings.at(-1)?.faults?.[0]?.message ?? '', /15 of 15 blocks/);
    await source.until(({ blocks, faults }) => blocks?.length === 0 && faults.length === 0, 8000);
  },
);

withEtcd(
  'another cluster that has everything by and by: believed as soon as enough is there',
  async (t) => {
    const etcd = await Etcd.start(t);
    await fill(etcd, 15);
    const source = follow(t, { endpoints: [etcd.endpoint] });
    await source.until(({ blocks }) => blocks?.length === 15);
    await etcd.forget();
    await source.until(({ faults }) => isSame(faults, ['a list held back']), 40_000);
    await fill(etcd, 14);
    await source.until(({ faults }) => faults.length === 0);
    await source.until(({ blocks }) => isSame(blocks, owners(...Array<string>(14).fill('node-b'))));
    t.pass();
  },
);

withEtcd(
  'an older backup that has come to the same revision by other writes is listed anew',
  async (t) => {
    const etcd = await Etcd.start(t);
    await fill(etcd, 4);
    await etcd.backup();
    await putBlock(etcd, 0, 'node-a');
    const proxy = await TcpProxy.to(t, etcd.port);
    const source = follow(t, { endpoints: [`http://127.0.0.1:${proxy.port}`] });
    await source.until(({ blocks }) =>
      isSame(blocks, owners('node-a', 'node-b', 'node-b', 'node-b')),
    );
    proxy.cut();
    await source.until(({ faults }) => faults.length > 0);
    await etcd.restore();
    for (const owner of ['node-b', 'node-a', 'node-b', 'node-a']) await putBlock(etcd, 2, owner);
    proxy.heal();
    await source.until(
      ({ blocks, faults }) =>
        faults.length === 0 && isSame(blocks, owners('node-b', 'node-b', 'node-a', 'node-b')),
      40_000,
    );
    t.pass();
  },
);

withEtcd(
  'a value that is no resource is refused under its key, the last good one stays',
  async (t) => {
    const etcd = await Etcd.start(t);
    await fill(etcd, 2);
    const source = follow(t, { endpoints: [etcd.endpoint] });
    await source.until(({ blocks }) => blocks !== undefined);
    const key = `${blockPrefix}10.244.0.0-26`;
    const rows: readonly (readonly [value: string, words: RegExp])[] = [
      ['', /: not JSON: it is empty$/],
      ['{"cidr":"10.244.0.0/26"', /: not JSON: /],
      ['null', /: expected a map, found nothing$/],
      ['[1]', /: expected a map, found a list$/],
      ['{"affinity":"host:node-a"}', /this is missing|expected text/],
      ['{"cidr":"10.244.0.0/26","affinity":7}', /expected text, found 7$/],
      ['{"cidr":"10.244.0.0/99","affinity":"host:node-a"}', /10.244.0.0\/99/],
      [`{"cidr":${'['.repeat(5000)}${']'.repeat(5000)}}`, /: nested more than 64 levels deep$/],
    ];
    for (const [place, [value, words]] of rows.entries()) {
      await etcd.put(key, value);
      await putBlock(etcd, 2 + place, 'node-a');
      await source.until(
        ({ blocks, problems }) => blocks?.length === 3 + place && problems.length === 1,
      );
      t.is(source.blocks?.[0], '10.244.0.0/26 node-b');
      t.true(source.problems[0]?.startsWith(`etcd:${key}: `), source.problems[0]);
      t.regex(source.problems[0] ?? '', words);
    }
    await etcd.put(`${resources}/ippools/default-ipv4-ippool`, '{"spec":');
    await etcd.put(`${resources}/nodes/node-b`, '7');
    await putBlock(etcd, 0, 'node-a');
    await source.until(({ problems }) => problems.length === 2);
    const last = source.readings.at(-1)?.inventory;
    t.deepEqual([last?.pools.length, last?.nodes.size], [1, 2]);
    t.is(source.blocks?.[0], '10.244.0.0/26 node-a');
  },
);

withEtcd('one member that is away does not matter where there is another one', async (t) => {
  const etcd = await Etcd.start(t);
  await fill(etcd, 1);
  const proxies = [await TcpProxy.to(t, etcd.port), await TcpProxy.to(t, etcd.port)];
  const endpoints = proxies.map(({ port }) => `http://127.0.0.1:${port}`);
  const source = follow(t, { endpoints });
  await source.until(({ blocks }) => blocks?.length === 1);
  // Whichever it has chosen, one of the two cuts is felt.
  for (const [place, proxy] of proxies.entries()) {
    proxy.cut();
    await putBlock(etcd, place + 1, 'node-a');
    await source.until(({ blocks }) => blocks?.length === place + 2);
    proxy.heal();
  }
  t.true(source.readings.every(({ faults }) => faults?.length === 0));
});

withEtcd('passwords: a right one reads, a wrong one and a user who may not are told', async (t) => {
  const etcd = await Etcd.start(t);
  await fill(etcd, 1);
  const folder = folderOf(t);
  const endpoints = [etcd.endpoint];
  const access = (user: string, password: string, name: string): Access => ({
    endpoints,
    user,
    passwordFile: secretIn(folder, name, `${password}\n`),
  });
  const early = follow(t, access('encap', 'secret', 'early'));
  await early.until(({ blocks }) => blocks?.length === 1);
  await etcd.protect('encap', 'secret', '/calico/');
  const right = follow(t, access('encap', 'secret', 'right'));
  await right.until(({ blocks }) => blocks?.length === 1);
  await putBlock(etcd, 1, 'node-a');
  await right.until(({ blocks }) => blocks?.length === 2);
  for (const [one, words] of [
    [access('encap', 'wrong', 'wrong'), /invalid user ID or password/],
    [{ endpoints }, /user name is empty/],
  ] as const) {
    const refused = follow(t, one);
    await refused.until(({ faults }) => faults.length > 0);
    t.is(refused.blocks, undefined);
    t.deepEqual(refused.faults, ['etcd refuses us']);
    t.regex(refused.readings.at(-1)?.faults?.[0]?.message ?? '', words);
  }
});

withEtcd('a user who may read something else reads nothing', async (t) => {
  const etcd = await Etcd.start(t);
  await fill(etcd, 1);
  await etcd.protect('encap', 'secret', '/calico/ipam/');
  const passwordFile = secretIn(folderOf(t), 'password', 'secret');
  const source = follow(t, { endpoints: [etcd.endpoint], user: 'encap', passwordFile });
  await source.until(({ faults }) => isSame(faults, ['etcd refuses us']));
  t.is(source.blocks, undefined);
});

withEtcd('TLS: certificates of both sides are looked at', async (t) => {
  const folder = folderOf(t);
  const [authority, stranger] = [authorityIn(folder, 'authority'), authorityIn(folder, 'stranger')];
  const server = authority.certificate('server');
  const tls = { ca: authority.cert, cert: server.cert, key: server.key };
  const etcd = await Etcd.start(t, { tls });
  await fill(etcd, 1);
  const client = authority.certificate('client');
  const access = {
    endpoints: [etcd.endpoint],
    caFile: authority.cert,
    certFile: client.cert,
    keyFile: client.key,
  };
  const source = follow(t, access);
  await source.until(({ blocks }) => blocks?.length === 1);
  await putBlock(etcd, 1, 'node-a');
  await source.until(({ blocks }) => blocks?.length === 2);

  const other = stranger.certificate('other');
  const elsewhere = await Etcd.start(t, {
    tls: { ca: authority.cert, ...authority.certificate('elsewhere', 'IP:127.0.0.2') },
  });
  const named = await Etcd.start(t, {
    tls: { ca: authority.cert, ...authority.certificate('named', 'DNS:localhost') },
  });
  const byName = follow(t, { ...access, endpoints: [`https://localhost:${named.port}`] });
  await byName.until(({ blocks }) => blocks !== undefined);

  for (const [wrong, short, words] of [
    [{ ...access, caFile: stranger.cert }, 'etcd not trusted', /unable to verify/],
    [{ ...access, caFile: undefined }, 'etcd not trusted', /unable to verify/],
    [
      { ...access, certFile: undefined, keyFile: undefined },
      'etcd not trusted',
      /: it refuses our certificate \(TLS: bad certificate\)$/,
    ],
    [
      { ...access, certFile: other.cert, keyFile: other.key },
      'etcd not trusted',
      /: it refuses our certificate \(TLS: bad certificate\)$/,
    ],
    [{ ...access, endpoints: [elsewhere.endpoint] }, 'etcd not trusted', /127\.0\.0\.1/],
    [{ ...access, endpoints: [named.endpoint] }, 'etcd not trusted', /127\.0\.0\.1/],
    [
      { ...access, endpoints: [etcd.endpoint.replace('https', 'http')] },
      'etcd not reached',
      /does not answer: [^()]*$/,
    ],
  ] as const) {
    const refused = follow(t, wrong);
    await refused.until(({ faults }) => faults.length > 0, 15_000);
    t.is(refused.blocks, undefined);
    t.deepEqual(refused.faults, [short]);
    t.regex(refused.readings.at(-1)?.faults?.[0]?.message ?? '', words);
    await refused.end();
  }
});

for (const [title, spoil, words] of [
  ['that is not there', (path: string) => rmSync(path), /ENOENT: there is no such file/],
  [
    'that everybody may read',
    (path: string) => chmodSync(path, 0o644),
    /EPUBLIC: everybody may read it/,
  ],
  ['that others may write', (path: string) => chmodSync(path, 0o660), /EMODE: others may write it/],
  ['that is no key', (path: string) => writeFileSync(path, 'x'), /cannot use the certificates/],
] as const)
  test(`a key ${title} is for the user to correct`, async (t) => {
    const client = authorityIn(folderOf(t), 'authority').certificate('client');
    spoil(client.key);
    const source = follow(t, {
      endpoints: ['https://127.0.0.1:1'],
      certFile: client.cert,
      keyFile: client.key,
    });
    const failure = await t.throwsAsync(source.until(() => false, 5000));
    t.true(failure instanceof EncapError);
    t.regex(failure.message, words);
  });

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'encap-etcd-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority, made by openssl. */
function authorityIn(
  folder: string,
  name: string,
): Pair & { certificate: (name: string, subject?: string) => Pair } {
  const files = (one: string): Pair => ({
    cert: join(folder, `${one}.crt`),
    key: join(folder, `${one}.key`),
  });
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { stdio: 'pipe' });
  };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const own = files(name);
  openssl('req', '-x509', ...curve, '-keyout', own.key, '-out', own.cert, '-subj', `/CN=${name}`);
  const certificate = (one: string, subject = 'IP:127.0.0.1'): Pair => {
    const pair = files(one);
    const request = join(folder, `${one}.csr`);
    const extensions = join(folder, `${one}.ext`);
    writeFileSync(extensions, `subjectAltName=${subject}\n`);
    openssl('req', ...curve, '-keyout', pair.key, '-out', request, '-subj', `/CN=${one}`);
    const signer = ['-CA', own.cert, '-CAkey', own.key, '-CAcreateserial'];
    openssl('x509', '-req', '-in', request, ...signer, '-extfile', extensions, '-out', pair.cert);
    chmodSync(pair.key, 0o600);
    return pair;
  };
  return { ...own, certificate };
}

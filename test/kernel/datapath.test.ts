import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inNamespace } from 'libbpf-ts';
import { foldersOf } from '../../src/datapath/folders.js';
import { readStatus, type Status } from '../../src/datapath/status.js';
import type { Network } from './datapath/network.js';
import { inside, ip } from './datapath/network.js';
import { networkTest } from './datapath/network-test.js';

function statusOf(network: Network, node: 'a' | 'b' = 'a'): Status {
  return inNamespace(`/run/netns/${network.space(node)}`, () =>
    readStatus(foldersOf(network.environment(node))),
  );
}

function programIds(network: Network): number[] {
  return statusOf(network).programs.map(({ id }) => id);
}

function counted(network: Network, verdict: string): bigint {
  const count = statusOf(network).verdicts.find((one) => one.verdict === verdict);
  return (count?.egress.packets ?? 0n) + (count?.ingress.packets ?? 0n);
}

/** Everything that an agent could leave behind in a namespace, as text. */
function belongings(network: Network, node: 'a' | 'b'): string {
  const space = network.space(node);
  const { ENCAP_BPFFS: pins = '', ENCAP_RUN_DIR: run = '' } = network.environment(node);
  return [
    ip('-n', space, '-d', 'address'),
    ip('-n', space, '-d', 'route', 'show', 'table', 'all'),
    ip('-n', space, 'neigh', 'show', 'nud', 'permanent'),
    inside(space, 'tc', 'qdisc', 'show'),
    inside(space, 'tc', 'filter', 'show', 'dev', 'eth0', 'ingress'),
    inside(space, 'tc', 'filter', 'show', 'dev', 'eth0', 'egress'),
    inside(space, 'bpftool', 'net', 'show'),
    `pins ${existsSync(pins)}`,
    `run ${existsSync(run) ? readdirSync(run).join() : ''}`,
  ].join('\n');
}

networkTest(
  'workloads of two nodes reach each other; each packet is encapsulated once',
  async (t, network) => {
    await network.agent('a');
    await network.agent('b');
    t.is(network.ping(10), 10);
    t.is(counted(network, 'encapsulated'), 10n);
    t.is(counted(network, 'decapsulated'), 10n);
    t.deepEqual(
      statusOf(network).verdicts.filter(
        ({ kind, egress, ingress }) => kind === 'drop' && egress.packets + ingress.packets > 0n,
      ),
      [],
    );
  },
);

networkTest(
  'the datapath outlives its agent, and a restart adopts it: no program is loaded, no entry written',
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    const ids = programIds(network);
    const { ms, code } = await agent.end('SIGTERM');
    t.true(ms < 2000, `took ${ms} ms`);
    t.is(code, 0);
    t.is(network.ping(3), 3);

    const next = await network.agent('a');
    t.is(network.ping(3), 3);
    t.deepEqual(programIds(network), ids);
    t.true(next.lines.some(({ msg }) => msg === 'programs adopted'));
    t.deepEqual(
      next.lines.filter(({ msg }) => /changed|attached|replaced/.test(msg)),
      [],
    );
    t.is((await next.until('ready'))['written'], 0);

    // The same figure is no constant: a real change has one.
    const from = next.lines.length;
    network.declare({ ipipMode: 'Always' });
    const { written } = await next.until('tables changed', { from });
    t.true(Number(written) > 0, String(written));
  },
);

networkTest(
  'an agent killed under traffic loses no packet, and neither does the next one',
  async (t, network) => {
    let agent = await network.agent('a');
    await network.agent('b');
    network.ping(1);
    const flow = network.flow();
    for (const pauseMs of [50, 150, 250]) {
      await sleep(pauseMs);
      await agent.end('SIGKILL');
      await sleep(100);
      agent = await network.agent('a');
    }
    const { sent, received } = await flow.stop();
    t.log(`${sent} sent, ${received} received`);
    t.true(sent > 100);
    t.is(received, sent);
  },
);

networkTest('an agent killed at any moment of its start loses no packet', async (t, network) => {
  await (await network.agent('a')).end('SIGKILL');
  await network.agent('b');
  network.ping(1);
  const flow = network.flow();
  const began = performance.now();
  await (await network.agent('a')).end('SIGKILL');
  const startMs = performance.now() - began;
  for (let part = 1; part <= 8; part += 1) {
    const agent = network.start('a');
    await sleep((startMs * part) / 8);
    await agent.end('SIGKILL');
  }
  await network.agent('a');
  const { sent, received } = await flow.stop();
  t.log(`${sent} sent, ${received} received, a start takes ${Math.round(startMs)} ms`);
  t.true(sent > 100);
  t.is(received, sent);
});

for (const attach of ['tcx', 'clsact'])
  networkTest(
    `down leaves nothing of ours behind and touches nothing else (${attach})`,
    async (t, network) => {
      ip('-n', network.space('a'), 'route', 'add', 'blackhole', '10.99.0.0/24', 'proto', '80');
      ip('-n', network.space('a'), 'address', 'add', '10.98.0.1/32', 'dev', 'lo');
      const before = belongings(network, 'a');
      await (await network.agent('a', attach)).end('SIGTERM');
      const agent = await network.agent('a', attach);
      t.not(belongings(network, 'a'), before);
      t.like(network.run('a', 'down'), { code: 'AGENT_RUNNING' });
      await agent.end('SIGTERM');

      const listed = network.run('a', 'down-dry-run');
      t.true(existsSync(network.environment('a').ENCAP_BPFFS ?? ''));
      t.deepEqual(network.run('a', 'down'), listed);
      t.is(belongings(network, 'a').replace(/run .*/, ''), before.replace(/run .*/, ''));
      t.deepEqual(network.run('a', 'down'), []);
    },
  );

networkTest(
  'an old kernel attaches by clsact: the same traffic, adopted by the next agent',
  async (t, network) => {
    const agent = await network.agent('a', 'clsact');
    await network.agent('b', 'clsact');
    t.is(network.ping(5), 5);
    t.deepEqual(
      statusOf(network).programs.map(({ attach }) => attach),
      ['clsact', 'clsact', 'clsact'],
    );
    await agent.end('SIGTERM');
    const next = await network.agent('a', 'clsact');
    t.deepEqual(
      next.lines.filter(({ msg }) => /changed|attached|replaced/.test(msg)),
      [],
    );
    t.is(network.ping(5), 5);
  },
);

networkTest('an agent that changes from clsact to TCX leaves no filter', async (t, network) => {
  const agent = await network.agent('a', 'clsact');
  await network.agent('b');
  await agent.end('SIGTERM');
  await network.agent('a', 'tcx');
  t.is(network.ping(3), 3);
  t.is(counted(network, 'encapsulated'), 3n);
  t.is(inside(network.space('a'), 'tc', 'filter', 'show', 'dev', 'eth0', 'egress'), '');
});

networkTest(
  'two agents cannot share a node; after a kill the next one starts at once',
  async (t, network) => {
    const agent = await network.agent('a');
    t.like(network.run('a', 'once'), {
      code: 'AGENT_RUNNING',
      message: `cannot start: an agent is running (pid ${agent.pid})`,
    });
    await agent.end('SIGKILL');
    t.true(Array.isArray(network.run('a', 'once')));
  },
);

networkTest('--once with unreadable resources says what is wrong and ends', (t, network) => {
  writeFileSync(network.manifests, 'kind: [');
  t.like(network.run('a', 'once'), { code: 'CONFIG_INVALID' });
});

networkTest('--dry-run says what a run would change, and changes nothing', (t, network) => {
  const before = belongings(network, 'a');
  const planned = network.run('a', 'dry-run') as { table: string; action: string; key: string }[];
  t.is(belongings(network, 'a'), before);
  const done = network.run('a', 'once') as typeof planned;
  const bare = (changes: typeof planned): string[] =>
    changes
      .filter(({ table }) => table !== 'links')
      .map(({ table, action, key }) => `${action} ${table} ${key}`);
  t.deepEqual(bare(planned), bare(done));
  t.true(planned.some(({ table }) => table === 'links'));
  t.deepEqual(network.run('a', 'dry-run'), []);
});

networkTest('switching the mode of a pool under traffic loses no packet', async (t, network) => {
  const agents = [await network.agent('a', 'auto', 300), await network.agent('b', 'auto', 300)];
  network.ping(1);
  const flow = network.flow();
  for (const modes of [
    { ipipMode: 'Always' },
    { vxlanMode: 'CrossSubnet' },
    { ipipMode: 'Always' },
    { vxlanMode: 'Always' },
  ]) {
    const from = agents.map(({ lines }) => lines.length);
    network.declare(modes);
    for (const [place, agent] of agents.entries())
      await agent.until('tables changed', { from: from[place] ?? 0 });
    await sleep(600);
  }
  const { sent, received } = await flow.stop();
  t.log(`${sent} sent, ${received} received`);
  t.true(counted(network, 'direct') > 0n);
  t.is(received, sent);
});

networkTest(
  'a changed setting is another program, swapped in without losing a packet',
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    network.ping(1);
    const before = programIds(network);
    const flow = network.flow();
    await sleep(100);
    network.declare({ vxlanMode: 'Always' }, [
      {
        apiVersion: 'projectcalico.org/v3',
        kind: 'FelixConfiguration',
        metadata: { name: 'default' },
        spec: { allowVXLANPacketsFromWorkloads: true },
      },
    ]);
    await agent.until('program replaced');
    await sleep(100);
    const { sent, received } = await flow.stop();
    t.is(received, sent);
    t.true(programIds(network).every((id) => !before.includes(id)));
    const { ENCAP_BPFFS: pins = '' } = network.environment('a');
    t.is(readdirSync(`${pins}/${statusOf(network).generation}/programs`).length, 1);
  },
);

networkTest(
  'tables that become too small are made anew beside the old ones, without losing a packet',
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    network.ping(1);
    const before = statusOf(network).generation;
    const flow = network.flow();
    network.declare({ vxlanMode: 'Always' }, [
      {
        apiVersion: 'projectcalico.org/v3',
        kind: 'FelixConfiguration',
        metadata: { name: 'default' },
        spec: {
          externalNodesList: Array.from(
            { length: 1500 },
            (_, place) => `172.${16 + (place >> 8)}.${place & 255}.0/24`,
          ),
        },
      },
    ]);
    await agent.until('program replaced');
    await sleep(100);
    const { sent, received } = await flow.stop();
    t.is(received, sent);
    const after = statusOf(network);
    t.not(after.generation, before);
    t.is(after.maps.find(({ name }) => name === 'externals')?.entries, 1500);
    t.deepEqual(readdirSync(network.environment('a').ENCAP_BPFFS ?? ''), [after.generation]);
  },
);

networkTest(
  'a change that does not fit beside what it replaces makes larger tables, without losing a packet',
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    network.ping(1);
    const externals = (first: number): object => ({
      apiVersion: 'projectcalico.org/v3',
      kind: 'FelixConfiguration',
      metadata: { name: 'default' },
      spec: {
        externalNodesList: Array.from(
          { length: 1000 },
          (_, place) => `172.${first + (place >> 8)}.${place & 255}.0/24`,
        ),
      },
    });
    let from = agent.lines.length;
    network.declare({ vxlanMode: 'Always' }, [externals(16)]);
    await agent.until('tables changed', { from });
    const flow = network.flow();
    from = agent.lines.length;
    network.declare({ vxlanMode: 'Always' }, [externals(24)]);
    await agent.until('working again', { from });
    const { sent, received } = await flow.stop();
    t.is(received, sent);
    t.is(statusOf(network).maps.find(({ name }) => name === 'externals')?.entries, 1000);
  },
);

networkTest(
  'more nodes than there are free places replace all the others: larger tables, not the same failure again and again',
  async (t, network) => {
    const agent = await network.agent('a');
    const nodes = (generation: number): object[] =>
      Array.from({ length: 5000 }, (_, place) => ({
        apiVersion: 'projectcalico.org/v3',
        kind: 'Node',
        metadata: { name: `generation-${generation}-${place}` },
        spec: {
          bgp: { ipv4Address: `172.${16 + generation}.${place >> 8}.${place & 255}/12` },
          ipv4VXLANTunnelAddr: `10.${generation}.${place >> 8}.${place & 255}`,
        },
      }));
    let from = agent.lines.length;
    network.declare({ vxlanMode: 'Always' }, nodes(1));
    await agent.until('tables changed', { from });
    from = agent.lines.length;
    network.declare({ vxlanMode: 'Always' }, nodes(2));
    await agent.until('working again', { from });
    t.is(statusOf(network).maps.find(({ name }) => name === 'sources')?.entries, 5001);
  },
);

networkTest(
  'a file that becomes unreadable changes nothing; mended, it is followed again',
  async (t, network) => {
    const agent = await network.agent('a');
    await network.agent('b');
    const good = readFileSync(network.manifests, 'utf8');
    const from = agent.lines.length;
    writeFileSync(network.manifests, 'kind: [');
    await agent.until('resource refused', { from });
    t.is(network.ping(3), 3);
    writeFileSync(
      network.manifests,
      good.replace('"vxlanMode":"Always"', '"vxlanMode":"CrossSubnet"'),
    );
    await agent.until('tables changed', { from });
    t.is(network.ping(3), 3);
  },
);

networkTest("another program's route to the pool stays, and the error names it", (t, network) => {
  ip(
    '-n',
    network.space('a'),
    'route',
    'add',
    '10.244.0.0/16',
    'via',
    '192.168.77.2',
    'proto',
    '80',
  );
  t.like(network.run('a', 'once'), { code: 'KERNEL_REFUSED' });
  t.regex(
    ip('-n', network.space('a'), 'route', 'show', '10.244.0.0/16', 'proto', '80'),
    /192\.168\.77\.2/,
  );
});

networkTest('pins that someone else made in our place are set aside', async (t, network) => {
  network.run('a', 'once');
  const { generation } = statusOf(network);
  const { ENCAP_BPFFS: pins = '' } = network.environment('a');
  rmSync(`${pins}/${generation}/maps/blocks`);
  execFileSync('bpftool', [
    'map',
    'create',
    `${pins}/${generation}/maps/blocks`,
    'type',
    'hash',
    'key',
    '4',
    'value',
    '4',
    'entries',
    '8',
    'name',
    'blocks',
  ]);
  await network.agent('a');
  await network.agent('b');
  t.is(network.ping(3), 3);
  t.true(readdirSync(pins).some((name) => name.startsWith(`${generation}-foreign-`)));
});

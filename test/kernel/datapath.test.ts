import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Network } from '../support/network/network.js';
import { inside, ip } from '../support/network/network.js';
import { networkTest } from '../support/network/network-test.js';

function programIds(network: Network): number[] {
  return network.status('a').programs.map(({ id }) => id);
}

function counted(network: Network, verdict: string): bigint {
  const count = network.status('a').verdicts.find((one) => one.verdict === verdict);
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
      network
        .status('a')
        .verdicts.filter(
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

for (const attach of ['tcx', 'clsact'])
  networkTest(
    `F45 down leaves nothing of ours behind and touches nothing else (${attach})`,
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
  'F15 an old kernel attaches by clsact: the same traffic, adopted by the next agent',
  async (t, network) => {
    const agent = await network.agent('a', 'clsact');
    await network.agent('b', 'clsact');
    t.is(network.ping(5), 5);
    t.deepEqual(
      network.status('a').programs.map(({ attach }) => attach),
      ['clsact', 'clsact', 'clsact', 'clsact'],
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
    t.is(readdirSync(`${pins}/${network.status('a').generation}/programs`).length, 1);
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

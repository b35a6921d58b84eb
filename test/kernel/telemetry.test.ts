import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NotifySocket, whyNoManager } from '../support/notify-socket.js';
import { within } from '../support/slowness.js';
import { resource } from '../support/network/cluster.js';
import type { Network } from '../support/network/network.js';
import { inside, ip } from '../support/network/network.js';
import { networkTest } from '../support/network/network-test.js';

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Asks from within node-a's namespace, which is where the loopback is that the agent listens on. */
function ask(network: Network, url: string): Answer {
  const script = `fetch(${JSON.stringify(url)}).then(async (a) =>
    console.log(JSON.stringify({ status: a.status, text: await a.text() })))`;
  return JSON.parse(inside(network.space('a'), process.execPath, '-e', script)) as Answer;
}

/** The value of one series as it is written. */
function valueOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

async function eventually(is: () => boolean): Promise<boolean> {
  for (const deadline = Date.now() + within(5000); Date.now() < deadline; await sleep(50))
    if (is()) return true;
  return false;
}

const usual = 'http://127.0.0.1:9475';

networkTest(
  'an agent is looked at over HTTP: what crossed the overlay is in its metrics, and probes are answered',
  async (t, network) => {
    await network.agent('b');
    const agent = await network.command('a', ['--metrics', '--health']);
    t.is((await agent.until('listening')).url, usual);
    t.is(network.ping(5), 5);

    const { status, text } = ask(network, `${usual}/metrics`);
    t.is(status, 200);
    const to = 'peer="node-b",family="ipv4"';
    t.is(valueOf(text, `encap_packets_total{direction="encap",${to}}`), 5);
    t.is(valueOf(text, `encap_packets_total{direction="decap",${to}}`), 5);
    // the peer's sums and the verdicts are counted by different lines of the programs
    t.is(valueOf(text, 'encap_carried_packets_total{how="encapsulated",program="egress"}'), 5);
    t.is(valueOf(text, 'encap_mtu_bytes{kind="underlay"}'), 1500);
    t.is(valueOf(text, 'encap_mtu_bytes{kind="overlay",pool="10.244.0.0/16"}'), 1450);
    t.is(valueOf(text, 'encap_config_pools'), 1);
    t.is(valueOf(text, 'encap_config_blocks'), 2);
    t.is(valueOf(text, 'encap_config_peers'), 1);
    t.is(valueOf(text, `encap_source_up{source="file ${network.manifests}"}`), 1);
    t.true((valueOf(text, 'encap_reconcile_duration_seconds_count{kind="whole"}') ?? 0) >= 1);
    t.is(valueOf(text, 'encap_degraded{check="programs"}'), 0);
    t.true((valueOf(text, 'process_resident_memory_bytes') ?? 0) > 1e6);

    t.deepEqual(ask(network, `${usual}/healthz`), {
      status: 200,
      text: '{"status":"ok","why":[]}\n',
    });
    t.is(ask(network, `${usual}/readyz`).status, 200);
    ip('-n', network.space('a'), 'link', 'del', 'eth0');
    t.true(await eventually(() => ask(network, `${usual}/readyz`).status === 503));
    t.is(
      ask(network, `${usual}/healthz`).status,
      200,
      'a node without uplink needs no other agent',
    );
    const gone = ask(network, `${usual}/metrics`).text;
    t.is(valueOf(gone, 'encap_degraded{check="programs"}'), 1);
    t.is(valueOf(gone, 'encap_degraded{check="rounds"}'), 1);
    t.true((valueOf(gone, 'encap_reconcile_errors_total{stage="datapath"}') ?? 0) > 0);
  },
);

networkTest(
  'a service manager is told when the node is ready, that the agent lives, reloads and stops',
  async (t, network) => {
    const lacking = whyNoManager();
    if (lacking !== undefined) {
      t.log(`skipped: ${lacking}`);
      t.pass();
      return;
    }
    await using manager = await NotifySocket.open(join(network.scratch, 'notify'));
    const agent = await network.command('a', [], {
      NOTIFY_SOCKET: manager.name,
      WATCHDOG_USEC: '900000',
    });
    const ready = await manager.until((message) => message.startsWith('READY=1'));
    t.is(ready, 'READY=1\nSTATUS=1 pool, 1 peer, 0 errors');
    await manager.until((message) => message === 'WATCHDOG=1');

    process.kill(agent.pid, 'SIGHUP');
    const reloading = await manager.until((message) => message.startsWith('RELOADING=1'));
    const [, us = ''] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(reloading) ?? [];
    const nowUs = Number(process.hrtime.bigint() / 1000n);
    t.true(Math.abs(nowUs - Number(us)) < within(20_000_000), 'CLOCK_MONOTONIC, of this boot');
    t.true(
      await eventually(
        () => manager.messages.filter((message) => message.startsWith('READY=1')).length === 2,
      ),
    );

    t.is((await agent.end('SIGTERM')).code, 0);
    t.is(manager.messages.at(-1), 'STOPPING=1');
  },
);

networkTest(
  'SIGHUP and a changed file bring listeners and log level of the NodeConfig in force',
  async (t, network) => {
    const config = join(network.scratch, 'node.yaml');
    const write = (more: string): void =>
      writeFileSync(config, `apiVersion: encap/v1\nkind: NodeConfig\n${more}`);
    write('');
    const agent = await network.command('a', ['-c', config]);

    write('health: { listen: "192.0.2.9:9475" }\n');
    // an address that the node does not have
    await agent.until('not listening, trying again');
    write('health: { listen: "127.0.0.1:9476" }\nlog: { level: debug }\n');
    const changed = await agent.until('log level changed');
    t.is(changed.before, 'info');
    t.is(changed.now, 'debug');
    t.true(await eventually(() => agent.lines.some(({ url }) => url === 'http://127.0.0.1:9476')));
    t.is(ask(network, 'http://127.0.0.1:9476/readyz').status, 200);

    let from = agent.lines.length;
    write('health: { listen: nowhere }\n');
    process.kill(agent.pid, 'SIGHUP');
    const refused = await agent.until('cannot reload: the last good state stays, trying again', {
      from,
    });
    t.is(refused.code, 'CONFIG_INVALID');
    t.is(ask(network, 'http://127.0.0.1:9476/readyz').status, 200);
    from = agent.lines.length;
    write('health: { listen: off }\n');
    await agent.until('no longer listening', { from });

    for (const now of ['debug', 'info']) {
      from = agent.lines.length;
      process.kill(agent.pid, 'SIGUSR2');
      t.is((await agent.until('log level changed', { from })).now, now);
    }
  },
);

/** 64 KiB of disk at a path, until it is disposed of: before the network is, which removes what is there. */
function smallDisk(path: string): Disposable {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'encapd-test', path]);
  return { [Symbol.dispose]: () => execFileSync('umount', ['--lazy', path]) };
}

networkTest(
  'F31 a full disk costs the state file: the kernel still follows, and the old file stays whole',
  async (t, network) => {
    const run = network.environment('a').ENCAP_RUN_DIR ?? '';
    using _disk = smallDisk(run);
    const agent = await network.command('a', ['--metrics']);
    const state = join(run, 'state.json');
    const filler = join(run, 'filler');
    t.throws(() => writeFileSync(filler, Buffer.alloc(128 * 1024)), { code: 'ENOSPC' });
    const before = readFileSync(state, 'utf8'); // from now on nothing can replace it

    let from = agent.lines.length;
    network.declare({ ipipMode: 'Always' }, [
      resource('FelixConfiguration', 'default', { vxlanVNI: 77 }),
    ]);
    await agent.until('programs loaded', { from });
    t.regex(String((await agent.until('state file not written', { from })).failure), /^ENOSPC/);
    t.is(readFileSync(state, 'utf8'), before);
    t.deepEqual(readdirSync(run).sort(), ['filler', 'state.json']);
    const degraded = 'encap_degraded{check="state"}';
    t.is(valueOf(ask(network, `${usual}/metrics`).text, degraded), 1);
    t.is(valueOf(ask(network, `${usual}/metrics`).text, 'encap_degraded{check="rounds"}'), 0);

    rmSync(filler);
    from = agent.lines.length;
    network.declare({ vxlanMode: 'Always' }, []);
    await agent.until('state file written again', { from });
    t.not(readFileSync(state, 'utf8'), before);
    t.is(valueOf(ask(network, `${usual}/metrics`).text, degraded), 0);
  },
);

/** Milliseconds of the agent's CPU that each of these scrapes took, and how large they are. */
function costOf(
  network: Network,
  scrapes: number,
): { readonly ms: number; readonly bytes: number } {
  const cpuS = (): number =>
    valueOf(ask(network, `${usual}/metrics`).text, 'process_cpu_seconds_total') ?? NaN;
  const before = cpuS();
  const script = `(async () => { for (let i = 0; i < ${scrapes}; i += 1)
    await (await fetch('${usual}/metrics')).text() })()`;
  inside(network.space('a'), process.execPath, '-e', script);
  const after = cpuS();
  const { length } = ask(network, `${usual}/metrics`).text;
  return { ms: ((after - before) * 1000) / scrapes, bytes: length };
}

networkTest(
  'a scrape costs little with 500 peers, and the same with 10,000 blocks as with few',
  async (t, network) => {
    const world = (perNode: number): readonly object[] => {
      const nodes = Array.from({ length: 500 }, (_, place) => place);
      return [
        resource('IPPool', 'large', { cidr: '10.64.0.0/10', vxlanMode: 'Always', blockSize: 26 }),
        ...nodes.map((place) => {
          const low = `${Math.floor(place / 250)}.${(place % 250) + 1}`;
          return resource('Node', `peer-${place}`, {
            bgp: {
              ipv4Address: `192.168.${100 + Number(low.split('.')[0])}.${low.split('.')[1]}/24`,
            },
            ipv4VXLANTunnelAddr: `10.64.${low}`,
          });
        }),
        ...nodes.flatMap((place) =>
          Array.from({ length: perNode }, (_, number) => {
            const block = 1024 + place * perNode + number; // behind the tunnel addresses
            return resource('IPAMBlock', `block-${block}`, {
              cidr: `10.${64 + (block >> 10)}.${(block >> 2) & 255}.${(block & 3) * 64}/26`,
              affinity: `host:peer-${place}`,
              allocations: Array.from({ length: 64 }, () => null),
              attributes: [],
              unallocated: Array.from({ length: 64 }, (_, ordinal) => ordinal),
              strictAffinity: false,
              deleted: false,
            });
          }),
        ),
      ];
    };
    network.declare({ vxlanMode: 'Always' }, world(1));
    const agent = await network.command('a', ['--metrics']);
    const few = costOf(network, 50);

    const from = agent.lines.length;
    network.declare({ vxlanMode: 'Always' }, world(20));
    await agent.until('tables changed', { from, timeoutMs: 60_000 }); // reading so much YAML takes a third of it
    const { text } = ask(network, `${usual}/metrics`);
    t.true((valueOf(text, 'encap_config_blocks') ?? 0) >= 10_000);
    t.is(valueOf(text, 'encap_config_peers'), 501);
    const many = costOf(network, 50);
    t.log(
      `${few.ms.toFixed(1)} ms with 500 blocks, ${many.ms.toFixed(1)} ms with 10,000; ${many.bytes} bytes`,
    );
    t.true(many.ms < within(100), `${many.ms} ms`);
    t.true(
      many.ms < within(2 * few.ms + 5),
      `${few.ms} ms with few blocks, ${many.ms} ms with many`,
    );
  },
);

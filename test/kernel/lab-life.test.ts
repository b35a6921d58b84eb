import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { labNames, pinFolder } from '../../src/lab/state.js';
import { encap, main } from '../cli/encap.js';
import { skips } from '../support/needs.js';
import { within } from '../support/slowness.js';

const own = `life-${process.pid}`;

/** Two pools, a smaller and lossless far subnet, a cable's MTU of one node, one agent that does not stay. */
const network = `apiVersion: encap/v1
kind: LabTopology
subnets:
  - { name: east, cidr: 192.168.10.0/24 }
  - { name: west, cidr: 192.168.20.0/24, mtu: 1400, loss: 1 }
pools:
  - { name: vxlan, cidr: 10.244.0.0/16, vxlanMode: Always }
  - { name: ipip, cidr: 10.245.0.0/16, ipipMode: CrossSubnet }
nodes:
  - { name: node-a, subnet: east, workloads: [{ name: a1 }, { name: a2, pool: ipip }] }
  - { name: node-b, subnet: east, mtu: 1450, agent: once, workloads: [{ name: b1, pool: ipip }] }
  - { name: node-c, subnet: west, workloads: [{ name: c1 }, { name: c2, pool: ipip }] }
`;

test.serial(
  'a network of one’s own: pools, MTUs, loss, an agent that makes one round; captured as pcapng',
  async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ping', 'tcpdump', 'nft', 'tshark')) return;
    const file = join(folderOf(t), 'own.yaml');
    writeFileSync(file, network);
    t.teardown(() => encap(['lab', 'down', own]));
    const up = await encap(['lab', 'up', file, '--name', own, '-o', 'json'], slowly);
    t.is(up.code, 0, up.stderr);
    t.regex(up.stderr, /1 of the nodes had an agent for one round/);
    const { namespaces } = JSON.parse(up.stdout) as {
      namespaces: { name: string; interfaces: { name: string; mtu: number }[] }[];
    };
    const mtu = (node: string): number | undefined =>
      namespaces
        .find(({ name }) => name === `encap-${own}-${node}`)
        ?.interfaces.find(({ name }) => name === 'eth0')?.mtu;
    t.deepEqual(['node-a', 'node-b', 'node-c', 'node-c-c1'].map(mtu), [1500, 1450, 1400, 1350]);

    const how = async (from: string, to: string): Promise<string | undefined> => {
      // One of a hundred frames is lost on purpose.
      for (let tries = 0; tries < 4; tries += 1) {
        const said = await encap(['lab', 'ping', '--name', own, from, to, '-o', 'json'], slowly);
        const { items } = JSON.parse(said.stdout) as {
          items: { reached: boolean; how?: string }[];
        };
        if (items[0]?.reached === true) return items[0].how;
      }
      return undefined;
    };
    t.is(await how('a1', 'c1'), 'vxlan');
    t.is(await how('a2', 'c2'), 'ipip');
    t.is(await how('a2', 'b1'), 'direct');
    t.is(await how('c2', 'b1'), 'ipip');

    const taken = join(folderOf(t), 'taken.pcapng');
    const capture = encap(
      ['lab', 'capture', 'a1', 'node-a', 'router', '--name', own, '-w', taken, '--duration', '4'],
      slowly,
    );
    await sleep(within(2000));
    await how('a1', 'c1');
    const captured = await capture;
    t.is(captured.code, 0, captured.stderr);
    t.regex(captured.stderr, /capturing at a1, node-a, router.*\n\d+ packets/);
    const seen = tshark(taken, 'icmp.type == 8', 'frame.interface_name', 'frame.protocols');
    t.true(
      seen.some(([name, way]) => name === 'a1 eth0' && way?.startsWith('eth:ethertype:ip:icmp')),
    );
    for (const port of ['node-a eth0', 'router east', 'router west'])
      t.true(
        seen.some(([name, way]) => name === port && way?.includes('udp:vxlan:eth')),
        `${port}: ${JSON.stringify(seen)}`,
      );

    const drawn = await encap(['lab', 'graph', '--name', own, '--as', 'mermaid']);
    t.regex(drawn.stdout, /n0 <-->\|VXLAN\| n2/);
    t.regex(drawn.stdout, /n0 <-->\|direct\| n1/);

    const status = await encap(['lab', 'status', own, '-o', 'json']);
    const { items } = JSON.parse(status.stdout) as { items: { nodes: { agent: string }[] }[] };
    t.deepEqual(
      items[0]?.nodes.map(({ agent }) => agent),
      ['running', 'ended', 'running'],
    );
    const down = await encap(['lab', 'down', own]);
    t.is(down.code, 0, down.stderr);
    t.regex(down.stdout, /nothing is left \(checked\)/);
  },
);

test.serial('what `up` had made when it was killed, `down` finds and removes', async (t) => {
  if (skips(t, 'ip', 'nsenter')) return;
  t.teardown(() => encap(['lab', 'down', own]));
  for (const afterMs of [0, 100, 300, 1000]) {
    const child = spawn(process.execPath, [main, 'lab', 'up', 'two', '--name', own], {
      stdio: 'ignore',
    });
    const deadline = Date.now() + within(20_000);
    while (!labNames().includes(own) && Date.now() < deadline) await sleep(5);
    await sleep(within(afterMs));
    child.kill('SIGKILL');
    const down = await encap(['lab', 'down', own], slowly);
    t.is(down.code, 0, down.stderr);
    t.deepEqual(traces(), [], `killed ${afterMs} ms after its first trace`);
  }
});

test.serial(
  'outside of its namespaces a lab touches nothing: a machine of its own is the same before, while and after',
  (t) => {
    if (skips(t, 'ip', 'nsenter', 'unshare', 'nft')) return;
    const look = (when: string): string =>
      `{ ip -br link; ip address; ip route show table all; ip rule; ip -6 rule; /usr/sbin/nft list ruleset; ` +
      `find /sys/fs/bpf -path '*/encap-lab*' -prune -o -print | sort; ls /run; ls /proc/sys/net/ipv4/conf; ` +
      `sysctl -a 2>/dev/null | grep -E '^net.ipv4.(ip_forward|conf)' ; } | grep -vE 'encap-lab|^netns$' > $OUT/${when}`;
    const script = `
    mount -t bpf bpf /sys/fs/bpf; mount -t tmpfs tmpfs /run; mkdir /run/netns
    ip link set lo up
    ${look('before')}
    "$0" ${main} lab up two --name ${own} > $OUT/up
    ${look('while')}
    "$0" ${main} lab down ${own} -o json > $OUT/down
    ${look('after')}
    diff $OUT/before $OUT/while; diff $OUT/before $OUT/after
    ls /run/netns | wc -l; cat $OUT/down`;
    const { status, stdout, stderr } = spawnSync(
      'unshare',
      ['--net', '--mount', '--propagation', 'private', 'sh', '-ec', script, process.execPath],
      { env: { ...process.env, OUT: folderOf(t) }, encoding: 'utf8', timeout: within(60_000) },
    );
    t.is(status, 0, stdout + stderr);
    const [left = '', ...rest] = stdout.split('\n');
    t.is(left.trim(), '0', stdout);
    const { items } = JSON.parse(rest.join('\n')) as { items: { changed: string[] }[] };
    t.deepEqual(items[0]?.changed, []);
  },
);

const slowly = { limitMs: within(60_000) };

/** What is left of the lab on this machine. */
function traces(): readonly string[] {
  const agents = readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && commandLine(pid).includes(`/run/encap-lab/${own}/`),
  );
  return [
    ...(existsSync('/run/netns') ? readdirSync('/run/netns') : []).filter((name) =>
      name.startsWith(`encap-${own}-`),
    ),
    ...[pinFolder(own), `/run/encap-lab/${own}`].filter((path) => existsSync(path)),
    ...agents.map((pid) => `process ${pid}`),
  ];
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

function tshark(file: string, filter: string, ...fields: readonly string[]): readonly string[][] {
  const words = ['-r', file, '-Y', filter, '-T', 'fields', ...fields.flatMap((one) => ['-e', one])];
  const { stdout, status, stderr } = spawnSync('tshark', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
}

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'encap-life-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

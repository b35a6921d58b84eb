import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import test from 'ava';
import { execa } from 'execa';
import type { Finding } from '../../src/doctor/finding.js';
import { breakLab, mend } from '../../src/lab/break.js';
import { breaks } from '../../src/lab/breaks/index.js';
import { endpoint, type Endpoint } from '../../src/lab/endpoint.js';
import { inside } from '../../src/lab/namespace.js';
import { namespaceOf, type Lab } from '../../src/lab/state.js';
import { encapOnTerminal } from '../cli/encap.js';
import { ask, doctor, idsOf } from '../support/doctor.js';
import { ran, sharedLab } from '../support/lab.js';
import { skips } from '../support/needs.js';

const lab = sharedLab(test, 'crosssubnet', { name: 'doctor' });

/** What a doctor on a node has to find: all of it, and nothing else that is no note. */
interface Visit {
  readonly node: 'node-a' | 'node-c';
  readonly probe?: true;
  readonly finds: readonly Finding['id'][];
}

/** Faults of a lab that are there at one time, and who sees them. */
interface Step {
  /** How long after the stranger it begins, at the earliest. */
  readonly afterMs?: number;
  readonly faults: readonly string[];
  readonly visits: readonly Visit[];
  /** Echo requests to a workload of node-c, while the doctors look: of a workload of node-a, or the router. */
  readonly traffic?: readonly Requests[];
}

interface Requests {
  readonly from: 'node-a' | 'router';
  /** Options of ping. */
  readonly words: readonly string[];
}

/** Each step's faults are mended before the next one's: what one visit finds, those of the next steps do not. */
const steps: readonly Step[] = [
  { faults: [], visits: [{ node: 'node-a', probe: true, finds: [] }] },
  {
    faults: ['blackhole', 'firewall'],
    visits: [{ node: 'node-a', probe: true, finds: ['mtu-blackhole', 'tunnel-blocked'] }],
  },
  {
    faults: ['mtu', 'wrong-vni'],
    visits: [
      { node: 'node-a', probe: true, finds: ['path-mtu', 'vni-mismatch'] },
      { node: 'node-c', finds: ['vni-differs'] },
    ],
  },
  { faults: ['offload'], visits: [{ node: 'node-a', probe: true, finds: ['checksum-offload'] }] },
  { faults: ['loss'], visits: [{ node: 'node-a', probe: true, finds: ['path-loss'] }] },
  {
    faults: ['stale-mac', 'rp-filter', 'ip-forward', 'spoof', 'stranger', 'bad-yaml'],
    visits: [
      { node: 'node-a', finds: ['neighbour-permanent', 'resource-refused', 'spoofed-source'] },
      {
        node: 'node-c',
        finds: ['forwarding-off', 'resource-refused', 'route-elsewhere', 'rp-filter', 'stranger'],
      },
    ],
    traffic: [
      { from: 'node-a', words: ['-I', '10.244.3.62'] },
      { from: 'router', words: [] },
    ],
  },
  {
    faults: ['agent', 'nobody', 'pool-route'],
    visits: [
      {
        node: 'node-a',
        finds: ['no-agent', 'nobody-missing', 'pool-route-missing', 'tables-differ'],
      },
    ],
  },
  {
    faults: ['detach'],
    visits: [
      {
        node: 'node-a',
        finds: ['no-agent', 'program-detached', 'tables-differ'],
      },
    ],
  },
  {
    faults: ['agent', 'no-bpffs'],
    visits: [{ node: 'node-a', finds: ['datapath-absent', 'no-agent', 'tables-differ'] }],
  },
  {
    // the stranger is a finding as long as it was there just now
    afterMs: 10_500,
    faults: [],
    visits: [
      { node: 'node-a', finds: [] },
      { node: 'node-c', finds: [] },
    ],
  },
];

let strangerMs = -Infinity;

for (const { afterMs = 0, faults, visits, traffic = [] } of steps)
  test.serial(`${faults.join(' and ') || 'no fault'}: ${found(visits)}`, async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ping', 'nft', 'ethtool')) return;
    const own = await lab();
    await sleep(Math.max(0, strangerMs + afterMs - performance.now()));
    for (const name of faults) await breakLab(name, own.name);
    const running = traffic.map((requests) => start(own, requests));
    try {
      const quiet = visits.filter(({ probe }) => probe !== true);
      const seen = new Map(
        await Promise.all(
          quiet.map(async (visit) => [visit, await doctor(own, visit.node)] as const),
        ),
      );
      for (const visit of visits)
        // a probe is traffic, which the others would see
        if (visit.probe === true) seen.set(visit, await doctor(own, visit.node, '--probe'));
      visits.forEach((visit) => {
        const { node, finds } = visit;
        const { findings = [], code, text = '' } = seen.get(visit) ?? {};
        const ids = idsOf(findings.filter(({ severity }) => severity !== 'note'));
        t.deepEqual(ids, [...finds], `${node}:\n${text}`);
        t.is(code, finds.length === 0 ? 0 : 7);
      });
    } finally {
      for (const one of running) one.kill('SIGKILL');
      await mend(undefined, own.name);
      if (faults.includes('stranger')) strangerMs = performance.now();
    }
  });

test('every fault that a lab knows is one that a doctor is asked about', (t) => {
  const asked = new Set(steps.flatMap(({ faults }) => faults));
  t.deepEqual(
    breaks.map(({ name }) => name).filter((name) => !asked.has(name)),
    [],
  );
});

test.serial('--fix puts forwarding right, says so, and --bundle packs what was seen', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'tar')) return;
  const own = await lab();
  const file = join(tmpdir(), `encap-doctor-${process.pid}.tgz`);
  t.teardown(() => rmSync(file, { force: true }));
  await breakLab('ip-forward', own.name);
  try {
    const { stderr, exitCode } = await ask(own, 'node-c', ['--fix', '--bundle', file]);
    t.is(exitCode, 0, stderr);
    t.regex(stderr, /# sysctl -w net\/ipv4\/ip_forward=1 +\(forwarding-off\)/);
    t.is((await ran(own, 'node-c', 'cat', '/proc/sys/net/ipv4/ip_forward')).trim(), '1');
  } finally {
    await mend('ip-forward', own.name);
  }
  const { stdout } = await execa('tar', ['-tzvf', file]);
  for (const name of ['diagnosis.json', 'status.json', 'state.json', 'map-peers.json', 'nft.txt'])
    t.regex(stdout, new RegExp(`^-rw------- .* encap-doctor/${name.replace('.', '\\.')}$`, 'm'));
});

test.serial('on a terminal both are in colours, and read the resources of their lab', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'script')) return;
  const { name } = await lab();
  const say = (verb: string) =>
    encapOnTerminal(['lab', 'exec', '--name', name, 'node-c', '--', 'encap', verb]);
  const doctor = say('doctor');
  t.is(doctor.code, 0, doctor.text);
  t.true(doctor.text.startsWith('\u001b[1mnode-c\u001b[22m  \u001b[32mOK'), doctor.text);
  t.regex(stripVTControlCharacters(doctor.text), /^ok {4}resources +3 nodes, 1 pools, 3 blocks/m);
  const mtu = say('mtu');
  t.is(mtu.code, 0, mtu.text);
  t.regex(
    stripVTControlCharacters(mtu.text),
    /^underlay eth0 1500 \| ipip -20 = 1480 .* vxlan -50 = 1450 .*workloads use 1450 {3}ok\n/,
  );
});

test.serial('encap mtu: what fits, and what a path takes', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping')) return;
  const own = await lab();
  const { stdout, exitCode } = await ask(own, 'node-c', ['--probe', 'node-b'], 'mtu');
  t.is(exitCode, 0);
  t.like(JSON.parse(stdout), {
    kind: 'Mtu',
    uplink: { name: 'eth0', mtu: 1500, used: 1500 },
    pools: [{ cidr: '10.244.0.0/16', encaps: ['vxlan'], mtu: 1450, most: 1450 }],
    paths: [{ peer: 'node-b', mtu: 1500, how: 'full' }],
    findings: [],
  });
  const unknown = await ask(own, 'node-c', ['--probe', 'node-x'], 'mtu');
  t.is(unknown.exitCode, 2);
});

function found(visits: readonly Visit[]): string {
  return visits
    .map(({ node, finds }) => `${node} finds ${finds.join(', ') || 'nothing'}`)
    .join('; ');
}

function start(own: Lab, { from, words }: Requests) {
  const to = workloadOf(own, 'node-c').address;
  const place = from === 'router' ? namespaceOf(own.name, from) : workloadOf(own, from).namespace;
  const command = ['ping', '-n', '-q', '-c', '500', '-i', '0.02', ...words, to];
  const [file, ...args] = inside(place, command);
  return execa(file, args, { reject: false, stdio: 'ignore' });
}

function workloadOf(own: Lab, node: string): Endpoint {
  const [first] = own.topology.nodes.find(({ name }) => name === node)?.workloads ?? [];
  return endpoint(own, first?.name ?? '');
}

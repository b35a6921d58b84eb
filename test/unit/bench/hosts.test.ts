import test from 'ava';
import { absentLoads } from '../../../src/bench/hosts.js';
import { iperf3, node } from '../../../src/bench/generators/generator.js';
import { machineOf } from '../../../src/bench/machine.js';
import { here } from '../../../src/bench/place.js';
import { remarks } from '../../../src/bench/report.js';
import { benchRun } from '../../support/bench-run.js';

const plan = { loads: ['tcp-1', 'connect'], absence: 'is named' } as const;
const noNode = [{ tool: node, why: 'sh: node: not found' }];

test('where a machine has no Node, what needs it is left out, and it is said which and why', (t) => {
  t.deepEqual(absentLoads(plan, here, []), []);
  const [absent, ...more] = absentLoads(plan, { ...here, name: 'node-b' }, noNode);
  t.deepEqual(more, []);
  t.deepEqual(absent, {
    load: 'connect',
    why: 'there is no node on node-b: sh: node: not found',
  });
  const run = benchRun({ underlay: [1e9] }, { absent: [absent ?? { load: '', why: '' }] });
  t.true(remarks(run).some((remark) => /^not measured: connect: .*node-b/.test(remark)));
});

test('what was asked for by name, or has no part that could be left out, is an error', (t) => {
  t.throws(() => absentLoads({ ...plan, absence: 'is an error' }, here, noNode), {
    message: /no node on this machine/,
  });
  t.throws(() => absentLoads(plan, here, [{ tool: iperf3, why: '' }]), {
    message: /no iperf3 on this machine/,
  });
});

test('a machine is what its files say', (t) => {
  const cpu = 'processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu hypervisor sse\n';
  t.deepEqual(
    machineOf({
      cpuinfo: cpu.repeat(2),
      stat: 'cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\n',
      meminfo: 'MemTotal:        8388608 kB\nMemFree: 1 kB\n',
      uname: '6.1.0-25-amd64 x86_64\n',
      osRelease: 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    }),
    {
      cpu: 'Some CPU @ 2 GHz',
      cpus: 2,
      memoryBytes: 2 ** 33,
      architecture: 'x86_64',
      kernel: '6.1.0-25-amd64',
      system: 'Debian GNU/Linux 12 (bookworm)',
      isVirtual: true,
    },
  );
});

test('a report between two machines names both, and by what each path leaves them', (t) => {
  const { machine } = benchRun({ underlay: [1e9] });
  const of = (name: string, driver: string) => ({
    ...machine,
    name,
    leaves: [{ path: 'underlay', interface: 'eth0', driver, mtu: 9000 }],
  });
  const run = benchRun({ underlay: [1e9] }, { machine: of('a', 'ixgbe'), peer: of('b', 'mlx5') });
  const said = remarks(run).join('\n');
  t.regex(said, /^a: 2 CPUs Some CPU .*underlay by eth0 \(ixgbe, MTU 9000\)$/m);
  t.regex(said, /^b: 2 CPUs Some CPU .*underlay by eth0 \(mlx5, MTU 9000\)$/m);
});

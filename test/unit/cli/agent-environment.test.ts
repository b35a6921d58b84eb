import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { withEnvironmentOf } from '../../../src/cli/agent-environment.js';

const ours = { PATH: '/bin', FELIX_VXLANMTU: '1400', ENCAP_KERNEL_TUNNELS: 'leave' };

const rows = [
  {
    title: 'its variables count, and ours of other things',
    words: ['run'],
    theirs: { FELIX_IPINIPMTU: '1300', CALICO_IPV4POOL_CIDR: '10.9.0.0/16=', PATH: '/theirs' },
    seen: { PATH: '/bin', FELIX_IPINIPMTU: '1300', CALICO_IPV4POOL_CIDR: '10.9.0.0/16=' },
  },
  {
    title: 'an option goes before its variable',
    words: ['run', '--coexist'],
    theirs: { ENCAP_KERNEL_TUNNELS: 'replace' },
    seen: { PATH: '/bin', ENCAP_KERNEL_TUNNELS: 'coexist' },
  },
  {
    title: 'an option without a variable',
    words: ['run', '--replace-kernel-tunnels'],
    theirs: {},
    seen: { PATH: '/bin', ENCAP_KERNEL_TUNNELS: 'replace' },
  },
  {
    title: 'not in what all nodes have to agree on',
    words: ['run'],
    theirs: { FELIX_VXLANVNI: '77', Felix_VxlanPort: '4799' },
    seen: { PATH: '/bin' },
  },
  {
    title: 'another process, that is no agent',
    words: ['walk', '--coexist'],
    theirs: { FELIX_IPINIPMTU: '1300' },
    seen: ours,
  },
];

for (const { title, words, theirs, seen } of rows)
  test(`what a running agent is told: ${title}`, async (t) => {
    const idle = "process.stdout.write('here'); setInterval(() => {}, 1000)";
    const child = spawn(process.execPath, ['-e', idle, '--', ...words], {
      env: theirs,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    t.deepEqual(withEnvironmentOf(child.pid, ours), seen);
  });

test('what a running agent is told: where none runs, or has gone, our own counts', async (t) => {
  t.is(withEnvironmentOf(undefined, ours), ours);
  const child = spawn(process.execPath, ['-e', '', '--', 'run'], { env: {}, stdio: 'ignore' });
  await once(child, 'close');
  t.is(withEnvironmentOf(child.pid, ours), ours);
});

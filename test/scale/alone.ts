import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs this program once more where nothing of it can stay behind: with a network, processes, temporary files and a BPF
 * file system of its own, which the kernel takes away however this process ends. Gives its exit code.
 */
export async function alone(word: string): Promise<number> {
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const mounts = 'mount -t tmpfs tmpfs /run && mount -t bpf bpf /sys/fs/bpf && exec "$@"';
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', ...namespaces, 'sh', '-c', mounts, 'sh'],
      ...[process.execPath, ...process.execArgv, ...process.argv.slice(1), word],
    ],
    // A terminal's signals are for this process alone: unshare is deaf to them.
    { stdio: 'inherit', detached: true, env: { ...process.env, TMPDIR: '/run' } },
  );
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => child.kill('SIGKILL'));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

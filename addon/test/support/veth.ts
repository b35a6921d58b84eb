import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { inNamespace } from '../../lib/namespace.js';

export interface Veth {
  /** Path of the namespace that has both ends. */
  readonly namespace: string;
  readonly near: number;
  readonly far: number;
  /** Runs inside the namespace. */
  within<T>(run: () => T): T;
  /** Sends one frame from the far end to the near one, and nothing else crosses: no ARP, no IPv6. */
  send(): void;
  /** Takes both interfaces away before the test ends. */
  remove(): void;
}

/** A pair of interfaces in a namespace of its own, removed after the test. */
export function veth(t: ExecutionContext): Veth {
  const name = `bp-${randomBytes(4).toString('hex')}`;
  const namespace = `/run/netns/${name}`;
  ip('netns', 'add', name);
  t.teardown(() => ip('netns', 'del', name));
  run(
    namespace,
    'for all in all default; do echo 1 > /proc/sys/net/ipv6/conf/$all/disable_ipv6; done',
  );
  ip('-n', name, 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far');
  ip('-n', name, 'link', 'set', 'near', 'up');
  ip('-n', name, 'link', 'set', 'far', 'up');
  ip('-n', name, 'addr', 'add', '192.0.2.1/24', 'dev', 'far');
  ip('-n', name, 'neigh', 'add', '192.0.2.9', 'lladdr', '02:00:00:00:00:09', 'dev', 'far');
  return {
    namespace,
    near: index(name, 'near'),
    far: index(name, 'far'),
    within: (work) => inNamespace(namespace, work),
    remove: () => ip('-n', name, 'link', 'del', 'near'),
    send: () => {
      run(namespace, 'echo > /dev/udp/192.0.2.9/9');
    },
  };
}

function index(namespace: string, device: string): number {
  const [link] = JSON.parse(ip('-n', namespace, '-j', 'link', 'show', device)) as {
    ifindex: number;
  }[];
  return link?.ifindex ?? 0;
}

function run(namespace: string, script: string): void {
  execFileSync('nsenter', [`--net=${namespace}`, 'bash', '-c', script], { stdio: 'ignore' });
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

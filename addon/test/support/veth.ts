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
  /** Sends one broadcast frame from the far end to the near one. */
  send(): void;
}

/** A pair of interfaces in a namespace of its own, removed after the test. */
export function veth(t: ExecutionContext): Veth {
  const name = `bp-${randomBytes(4).toString('hex')}`;
  const namespace = `/run/netns/${name}`;
  ip('netns', 'add', name);
  t.teardown(() => ip('netns', 'del', name));
  ip('-n', name, 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far');
  ip('-n', name, 'link', 'set', 'near', 'up');
  ip('-n', name, 'link', 'set', 'far', 'up');
  ip('-n', name, 'addr', 'add', '192.0.2.1/24', 'dev', 'far');
  return {
    namespace,
    near: index(name, 'near'),
    far: index(name, 'far'),
    within: (run) => inNamespace(namespace, run),
    send: () => {
      // An address that nobody has: the ARP request for it is the frame.
      execFileSync('nsenter', [`--net=${namespace}`, 'ping', '-c1', '-W1', '192.0.2.9'], {
        stdio: 'ignore',
      });
    },
  };
}

function index(namespace: string, device: string): number {
  const [link] = JSON.parse(ip('-n', namespace, '-j', 'link', 'show', device)) as {
    ifindex: number;
  }[];
  return link?.ifindex ?? 0;
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

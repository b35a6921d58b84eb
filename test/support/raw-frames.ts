import { execFileSync } from 'node:child_process';

/** Why frames cannot be sent past the stack here; undefined: they can. */
export function whyNoRawFrames(): string | undefined {
  try {
    execFileSync('python3', ['-c', 'import socket; socket.AF_PACKET'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'python3, which sends raw frames, is not installed';
  }
}

/** Sends a frame out of a device, past the stack. Node has no packet sockets. */
export function sendFrame(namespace: string, device: string, frame: Uint8Array): void {
  const script = [
    'import contextlib, socket, sys',
    's = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)',
    's.bind((sys.argv[1], 0))',
    'with contextlib.suppress(OSError):', // ENOBUFS: the program dropped it
    '    s.send(bytes.fromhex(sys.argv[2]))',
  ].join('\n');
  const python = ['python3', '-c', script, device, Buffer.from(frame).toString('hex')];
  execFileSync('nsenter', [`--net=${namespace}`, ...python]);
}

/**
 * Has the kernel send on to `uplink`, as they are, all frames that come in by `device`, marked: to the
 * program on that hook they are forwarded packets. Takes it back when disposed.
 */
export function forwarding(namespace: string, device: string, mark: number): Disposable {
  const tc = (...words: readonly string[]): void => {
    execFileSync('nsenter', [`--net=${namespace}`, 'tc', ...words], { stdio: 'pipe' });
  };
  const where = ['dev', device, 'ingress', 'pref', '1', 'protocol', 'all', 'handle', '1'];
  tc('qdisc', 'replace', 'dev', device, 'clsact');
  tc(
    ...['filter', 'add', ...where, 'matchall', 'action', 'skbedit', 'mark', String(mark), 'pipe'],
    ...['action', 'mirred', 'egress', 'redirect', 'dev', 'uplink'],
  );
  return { [Symbol.dispose]: () => tc('filter', 'del', ...where, 'matchall') };
}

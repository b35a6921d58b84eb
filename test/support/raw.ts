import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What became of one packet: IP packets as they came in at the far end, and ICMP messages that came back. */
export interface Outcome {
  readonly arrived: readonly Uint8Array[];
  readonly answers: readonly Uint8Array[];
  /** Of a socket that could not send: the errno's name. */
  readonly refused: string | undefined;
}

/** A datagram by an ordinary socket: the kernel makes the packet, and may fragment it. */
export interface Datagram {
  readonly to: string;
  readonly bytes: number;
  /** IP_PMTUDISC_DONT: may be fragmented; IP_PMTUDISC_DO: may not. */
  readonly discover: 'dont' | 'do';
}

/** Sends from one network namespace and watches eth0 of another, one packet after the other. */
export class Wire implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string, undefined>;

  /** Names below /run/netns; `far` has an interface eth0. */
  constructor(near: string, far: string) {
    this.#child = spawn('python3', ['-u', '-c', script, near, far]);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    this.#child.stderr.pipe(process.stderr);
  }

  /** An IP packet as it is, from its first byte on. */
  packet(bytes: Uint8Array): Promise<Outcome> {
    return this.#ask({ packet: Buffer.from(bytes).toString('hex') });
  }

  datagram(datagram: Datagram): Promise<Outcome> {
    return this.#ask({ datagram });
  }

  async #ask(question: object): Promise<Outcome> {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done }: IteratorResult<string, undefined> = await this.#lines.next();
    if (done === true) throw new Error('the sender has ended');
    const { arrived, answers, refused } = JSON.parse(value) as {
      arrived: string[];
      answers: string[];
      refused: string | null;
    };
    const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
    return {
      arrived: arrived.map(bytes),
      answers: answers.map(bytes),
      refused: refused ?? undefined,
    };
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

/** Python: Node has no raw sockets. An answer takes 0.3 s of silence. */
const script = `
import ctypes, errno, json, select, socket, subprocess, sys
near, far = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)

def enter(space):
    with open('/run/netns/' + space) as handle:
        if libc.setns(handle.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), 'setns')

def sniffer():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    return s

enter(far)
there = sniffer()
there.bind(('eth0', 0))
listener = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) # else it says that the port is closed
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(('::', 9))
enter(near)
here = sniffer()

# but time exceeded: that comes long after a fragment that stayed alone
def is_error(p):
    if p[0] >> 4 == 4:
        return p[9] == 1 and p[(p[0] & 15) * 4] in (3, 4, 5, 12)
    return p[0] >> 4 == 6 and p[6] == 58 and p[40] in (1, 2, 4)

def is_ip(p):
    if p[0] >> 4 == 4:
        return p[9] != 2
    return p[0] >> 4 == 6 and not (p[6] in (0, 58) and p[24:26] != b'\\xfd\\x00')

def drain(*sockets):
    while True:
        ready, _, _ = select.select(sockets, [], [], 0)
        if not ready:
            return
        for s in ready:
            s.recv(65535)

def send(question):
    if 'packet' in question:
        p = bytes.fromhex(question['packet'])
        family = socket.AF_INET if p[0] >> 4 == 4 else socket.AF_INET6
        to = socket.inet_ntop(family, p[16:20] if family == socket.AF_INET else p[24:40])
        with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
            s.sendto(p, (to, 0))
    else:
        d = question['datagram']
        family = socket.AF_INET6 if ':' in d['to'] else socket.AF_INET
        how = {'dont': 0, 'do': 2}[d['discover']]
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            level, option = (41, 23) if family == socket.AF_INET6 else (0, 10)
            s.setsockopt(level, option, how)
            s.sendto(bytes(d['bytes']), (d['to'], 9))

def forget():
    for family in ('-4', '-6'):
        subprocess.run(['ip', family, 'route', 'flush', 'cache'], check=True)

for line in sys.stdin:
    forget() # what the last answer taught this namespace
    drain(there, here)
    refused = None
    try:
        send(json.loads(line))
    except OSError as error:
        refused = errno.errorcode[error.errno]
    arrived, answers = [], []
    while True:
        ready, _, _ = select.select([there, here], [], [], 0.3)
        if not ready:
            break
        for s in ready:
            p, (_, _, kind, *_) = s.recvfrom(65535)
            if kind == socket.PACKET_OUTGOING and s is there or len(p) < 20:
                continue
            if s is there and is_ip(p):
                arrived.append(p.hex())
            if s is here and kind == socket.PACKET_HOST and is_error(p):
                answers.append(p.hex())
    print(json.dumps({'arrived': arrived, 'answers': answers, 'refused': refused}))
`;

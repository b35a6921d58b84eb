import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inNamespace } from 'libbpf-ts';
import { foldersOf } from '../../../src/datapath/folders.js';
import { readStatus, type Status } from '../../../src/datapath/status.js';
import { within } from '../slowness.js';
import { clusterOf, type PoolModes, type Stack } from './cluster.js';

const agentMain = fileURLToPath(new URL('./agent.js', import.meta.url));
const encapMain = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

let counter = 0;

/** Compiled once for all tests of a file. */
const cache = mkdtempSync(join(tmpdir(), 'dp-cache-'));
process.once('exit', () => rmSync(cache, { recursive: true, force: true }));

/**
 * Two nodes, joined by one wire, and a workload behind each: 10.244.1.5 on node-a (192.168.77.1), 10.244.2.5 on
 * node-b (192.168.77.2). All in namespaces of its own; disposing removes everything.
 */
export class Network implements AsyncDisposable {
  readonly name = `dp-${process.pid}-${(counter += 1)}`;
  readonly scratch = mkdtempSync(join(tmpdir(), `${this.name}-`));
  readonly manifests = join(this.scratch, 'cluster.yaml');
  readonly stack: Stack;
  readonly #agents: Agent[] = [];
  readonly #flows: ChildProcess[] = [];

  constructor(modes: PoolModes = { vxlanMode: 'Always' }, stack: Stack = 'ipv4') {
    this.stack = stack;
    const [a, b, wa, wb] = [this.space('a'), this.space('b'), this.space('wa'), this.space('wb')];
    for (const space of [a, b, wa, wb]) ip('netns', 'add', space);
    for (const space of [a, b, wa, wb])
      inside(space, 'sysctl', '-qw', ...(stack === 'ipv4' ? noIpv6 : ipv6));
    this.wire();
    this.#node(a, wa, 1);
    this.#node(b, wb, 2);
    this.declare(modes);
  }

  /** The wire between the nodes, with their addresses. */
  wire(): void {
    const [a, b] = [this.space('a'), this.space('b')];
    ip('-n', a, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', b);
    for (const [place, node] of [a, b].entries()) {
      ip('-n', node, 'link', 'set', 'eth0', 'up');
      if (this.stack !== 'ipv6')
        ip('-n', node, 'address', 'add', `192.168.77.${place + 1}/24`, 'dev', 'eth0');
      if (this.stack !== 'ipv4')
        ip('-n', node, 'address', 'add', `fd00:77::${place + 1}/64`, 'dev', 'eth0', 'nodad');
    }
  }

  #node(node: string, workload: string, number: number): void {
    ip('-n', node, 'link', 'set', 'lo', 'up');
    ip(
      '-n',
      node,
      'link',
      'add',
      'cali0',
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      workload,
    );
    ip('-n', node, 'link', 'set', 'cali0', 'up');
    ip('-n', node, 'route', 'add', `10.244.${number}.5/32`, 'dev', 'cali0');
    ip('-n', node, 'address', 'add', '169.254.1.1/32', 'dev', 'cali0');
    inside(node, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    ip('-n', workload, 'link', 'set', 'lo', 'up');
    ip('-n', workload, 'link', 'set', 'eth0', 'up');
    ip('-n', workload, 'address', 'add', `10.244.${number}.5/32`, 'dev', 'eth0');
    ip('-n', workload, 'route', 'add', '169.254.1.1', 'dev', 'eth0');
    ip('-n', workload, 'route', 'add', 'default', 'via', '169.254.1.1');
    if (this.stack !== 'ipv4') this.#ipv6(node, workload, number);
  }

  #ipv6(node: string, workload: string, number: number): void {
    const address = `fd00:244:0:${number}::5/128`;
    ip('-n', node, 'address', 'add', 'fe80::1/64', 'dev', 'cali0', 'nodad');
    ip('-n', node, 'route', 'add', address, 'dev', 'cali0');
    ip('-n', workload, 'address', 'add', address, 'dev', 'eth0', 'nodad');
    ip('-n', workload, 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'eth0');
  }

  /** a, b: the nodes; wa, wb: their workloads. */
  space(short: 'a' | 'b' | 'wa' | 'wb'): string {
    return `${this.name}-${short}`;
  }

  /** Writes the Calico resources, as one whole file. */
  declare(modes: PoolModes, more: readonly object[] = [], file = this.manifests): void {
    const resources = [...clusterOf(this.stack, modes), ...more];
    const beside = `${file}.new`;
    writeFileSync(beside, resources.map((one) => JSON.stringify(one)).join('\n---\n'));
    renameSync(beside, file);
  }

  /** What a node's kernel has of ours. */
  status(node: 'a' | 'b'): Status {
    return inNamespace(`/run/netns/${this.space(node)}`, () =>
      readStatus(foldersOf(this.environment(node))),
    );
  }

  /** Folders of one node's agent. */
  environment(node: 'a' | 'b'): NodeJS.ProcessEnv {
    return {
      ...process.env,
      ENCAP_BPFFS: `/sys/fs/bpf/${this.name}-${node}`,
      ENCAP_RUN_DIR: join(this.scratch, `run-${node}`),
      ENCAP_CACHE_DIR: cache,
    };
  }

  /** Starts an agent. */
  start(node: 'a' | 'b'): Agent {
    return this.#started(node, this.#agentWords(node, 'auto', 2000, this.manifests));
  }

  /** Starts an agent and waits until its node carries traffic. */
  async agent(
    node: 'a' | 'b',
    attach = 'auto',
    delayMs = 2000,
    resources = this.manifests,
  ): Promise<Agent> {
    const agent = this.#started(node, this.#agentWords(node, attach, delayMs, resources));
    await agent.until('ready');
    return agent;
  }

  /** Starts an agent by way of other commands (`setpriv …`) that become it; they end where its own command begins. */
  startBy(node: 'a' | 'b', by: readonly string[], environment: NodeJS.ProcessEnv = {}): Agent {
    return this.#started(
      node,
      this.#agentWords(node, 'auto', 300, this.manifests),
      environment,
      by,
    );
  }

  #agentWords(
    node: 'a' | 'b',
    attach: string,
    delayMs: number,
    resources: string,
  ): readonly string[] {
    return [agentMain, 'run', resources, `node-${node}`, attach, String(delayMs)];
  }

  #started(
    node: 'a' | 'b',
    words: readonly string[],
    environment: NodeJS.ProcessEnv = {},
    by: readonly string[] = [],
  ): Agent {
    const agent = new Agent(this, node, words, environment, by);
    this.#agents.push(agent);
    return agent;
  }

  /** Runs one verb of the agent to its end. */
  run(node: 'a' | 'b', verb: string, environment: NodeJS.ProcessEnv = {}): unknown {
    const output = nsenter(
      this.space(node),
      [process.execPath, agentMain, verb, this.manifests, `node-${node}`],
      { ...this.environment(node), ...environment },
    );
    return JSON.parse(output);
  }

  /** Runs the command line on a node; gives what it prints. */
  encap(node: 'a' | 'b', ...words: readonly string[]): string {
    return nsenter(
      this.space(node),
      [process.execPath, encapMain, ...words],
      this.environment(node),
    );
  }

  /** Runs the command line on a node; gives the exit code alone. */
  exitCode(node: 'a' | 'b', ...words: readonly string[]): number | null {
    return this.ended(node, ...words).code;
  }

  /** Runs the command line on a node, however it ends. */
  ended(
    node: 'a' | 'b',
    ...words: readonly string[]
  ): { readonly code: number | null; readonly stdout: string } {
    const { status, stdout } = spawnSync(
      'nsenter',
      [`--net=/run/netns/${this.space(node)}`, process.execPath, encapMain, ...words],
      { env: this.environment(node), stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' },
    );
    return { code: status, stdout };
  }

  /** Starts `encap run` itself, with more words and variables, and waits until the node carries traffic. */
  async command(
    node: 'a' | 'b',
    more: readonly string[] = [],
    environment: NodeJS.ProcessEnv = {},
    resources: readonly string[] = ['-f', this.manifests],
  ): Promise<Agent> {
    const agent = this.startCommand(node, more, environment, resources);
    await agent.until('ready');
    return agent;
  }

  /** Starts `encap run` of this build, or of another one whose main file is given. */
  startCommand(
    node: 'a' | 'b',
    more: readonly string[] = [],
    environment: NodeJS.ProcessEnv = {},
    resources: readonly string[] = ['-f', this.manifests],
    main = encapMain,
  ): Agent {
    const words = [...resources, '--node', `node-${node}`, '--log-format', 'json', ...more];
    return this.#started(node, [main, 'run', ...words], environment);
  }

  /** Echo requests from the workload on node-a to the one on node-b; gives how many were answered. */
  ping(count = 3, ...more: readonly string[]): number {
    return this.pingTo('10.244.2.5', count, ...more);
  }

  /** The same to any address, from wherever in the network. */
  pingTo(address: string, count = 3, ...more: readonly string[]): number {
    const text = this.pinged('wa', address, '-i0.05', '-W1', `-c${count}`, ...more);
    return Number(/(\d+) received/.exec(text)?.[1]);
  }

  /** What ping says. */
  pinged(from: 'a' | 'b' | 'wa' | 'wb', address: string, ...more: readonly string[]): string {
    const command = `ping -n ${more.join(' ')} ${address} 2>&1 || true`;
    return inside(this.space(from), 'sh', '-c', command);
  }

  /** Forgets what routers said of path MTUs, everywhere; what the agents learned stays. */
  forget(): void {
    for (const short of ['a', 'b', 'wa', 'wb'] as const)
      for (const family of ['-4', '-6'])
        ip('-n', this.space(short), family, 'route', 'flush', 'cache');
  }

  /** A flow of echo requests until it is stopped; gives then what was sent and what came back. */
  flow(
    intervalS = 0.002,
    from: 'a' | 'wa' = 'wa',
  ): { stop: () => Promise<{ sent: number; received: number }> } {
    const child = spawn(
      'nsenter',
      [
        `--net=/run/netns/${this.space(from)}`,
        'ping',
        '-n',
        '-q',
        '-i',
        String(intervalS),
        '-W',
        '2',
        '10.244.2.5',
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    this.#flows.push(child);
    let text = '';
    child.stdout.on('data', (data: Buffer) => (text += data.toString()));
    return {
      stop: async () => {
        const closed = new Promise((done) => child.once('close', done));
        child.kill('SIGINT');
        await closed;
        const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
        return { sent: Number(sent), received: Number(received) };
      },
    };
  }

  /** Kills them, as a crash would. */
  async endAgents(): Promise<void> {
    for (const agent of this.#agents) await agent.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const flow of this.#flows) flow.kill('SIGKILL');
    await this.endAgents();
    for (const node of ['a', 'b'] as const)
      rmSync(`/sys/fs/bpf/${this.name}-${node}`, { recursive: true, force: true });
    for (const short of ['wa', 'wb', 'a', 'b'] as const) ip('netns', 'del', this.space(short));
    rmSync(this.scratch, { recursive: true, force: true });
  }
}

/** Duplicate address detection would change the snapshots under our feet. */
const noIpv6 = ['net.ipv6.conf.default.disable_ipv6=1'];
const ipv6 = [
  'net.ipv6.conf.all.forwarding=1',
  'net.ipv6.conf.default.accept_dad=0',
  'net.ipv6.conf.default.dad_transmits=0',
];

/** One line of an agent's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** An agent in its node's namespace. */
export class Agent {
  readonly lines: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | null>;
  #rest = '';
  #output = '';

  constructor(
    network: Network,
    node: 'a' | 'b',
    words: readonly string[],
    environment: NodeJS.ProcessEnv = {},
    by: readonly string[] = [],
  ) {
    mkdirSync(network.environment(node).ENCAP_RUN_DIR ?? '', { recursive: true });
    this.#child = spawn(
      'nsenter',
      [`--net=/run/netns/${network.space(node)}`, ...by, process.execPath, ...words],
      { env: { ...network.environment(node), ...environment }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child.stdout?.on('data', (data: Buffer) => (this.#output += data.toString()));
    this.#child.stderr?.on('data', (data: Buffer) => this.#read(data.toString()));
    this.#closed = new Promise((done) => this.#child.once('close', done));
  }

  /** nsenter replaces itself by the agent: the process id is the agent's. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it said that is no line of its log. */
  get output(): string {
    return this.#output;
  }

  /** Its exit code, once it has ended by itself; null: a signal ended it. */
  get closed(): Promise<number | null> {
    return this.#closed;
  }

  /** Waits for a line of the log; `from` skips what was there before. */
  async until(msg: string, { from = 0, timeoutMs = 20_000 } = {}): Promise<LogLine> {
    const deadline = Date.now() + within(timeoutMs);
    for (;;) {
      const line = this.lines.slice(from).find((candidate) => candidate.msg === msg);
      if (line !== undefined) return line;
      if (Date.now() > deadline || this.#child.exitCode !== null)
        throw new Error(
          `the agent never said ${msg}:\n${this.#output}${JSON.stringify(this.lines.slice(-10), null, 1)}${this.#rest}`,
        );
      await sleep(10);
    }
  }

  /** Ends it; gives how long that took, in milliseconds, and its exit code. */
  async end(signal: NodeJS.Signals): Promise<{ ms: number; code: number | null }> {
    const began = performance.now();
    this.#child.kill(signal);
    const late = sleep(within(20_000), 'late' as const, { ref: false });
    const code = await Promise.race([this.#closed, late]);
    if (code === 'late')
      throw new Error(
        `the agent does not end by ${signal}:\n${JSON.stringify(this.lines.slice(-10), null, 1)}`,
      );
    return { ms: performance.now() - began, code };
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.end('SIGKILL');
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{')) this.lines.push(JSON.parse(line) as LogLine);
      else this.#output += `${line}\n`;
    }
  }
}

/** Runs a program in a namespace; `ip netns exec` would hide the BPF file system. */
export function inside(space: string, ...command: readonly string[]): string {
  return nsenter(space, command, process.env);
}

export function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

/** What tells that a machine can't run these tests; undefined when it can. */
export function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const capabilities = /^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return (BigInt(`0x${capabilities ?? '0'}`) & (1n << 21n)) === 0n
    ? 'needs CAP_SYS_ADMIN for network namespaces'
    : undefined;
}

function nsenter(space: string, command: readonly string[], env: NodeJS.ProcessEnv): string {
  try {
    return execFileSync('nsenter', [`--net=/run/netns/${space}`, ...command], {
      encoding: 'utf8',
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (cause) {
    const { stdout } = cause as { stdout?: string };
    if (stdout?.startsWith('{') === true) return stdout; // an error of ours, as data
    throw cause;
  }
}

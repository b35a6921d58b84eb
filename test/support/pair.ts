import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { inNamespace, Netlink, type Link } from 'libbpf-ts';
import { hooksOf } from '../../src/datapath/attach.js';
import { bringCutter, type Cutter } from '../../src/datapath/cutting.js';
import { functionOf } from '../../src/datapath/load.js';
import { nobody as nobodies } from '../../src/datapath/nexthop.js';
import { families } from '../../src/net/address.js';
import { countsOf, type Count } from './count.js';
import { indexOf } from './dut.js';
import { tcpReceiver, tcpSender, udpReceiver, udpSender } from './endpoints.js';
import { load, type Loaded } from './load.js';
import { argumentsOf, offloads, type Offloads, type Setting } from './offloads.js';
import { datapathObject } from './object.js';
import { addressIn, overlayNames, overlays, type OverlayName } from './overlays.js';
import { beyondCalico, nodes, peerIndex } from './world.js';

export type Side = 'a' | 'b';
/** zero: an IPv6 peer that takes UDP without checksums; the kernel's device does so when it is told. */
export type Peer = 'programs' | 'kernel vxlan' | 'kernel vxlan, zero';
export type AttachBy = 'tcx' | 'clsact';
export type Cutting = 'with a cutter' | 'without a cutter';

/**
 * Nodes A and B of the corpus on one wire, each with a workload in a namespace of its own, so that its
 * traffic is forwarded. A runs our programs; B runs them too, or the kernel's vxlan device.
 */
export class Pair implements Disposable {
  readonly #name = `bp2-${process.pid}-pair${(made += 1)}`;
  readonly #loaded: Partial<Record<Side, Loaded>> = {};
  readonly #links: Link[] = [];

  constructor(peer: Peer, by: AttachBy, cutting: Cutting = 'without a cutter') {
    process.once('exit', this.#remove);
    for (const side of sides) {
      this.#ip(['netns', 'add', this.namespace(side)]);
      this.#ip(['netns', 'add', this.workload(side)]);
      inNamespace(`/run/netns/${this.namespace(side)}`, () => {
        writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
        writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
      });
    }
    this.#batch('a', [
      `link add uplink address ${nodes.a.uplinkMac} type veth peer name uplink ` +
        `address ${nodes.b.uplinkMac} netns ${this.namespace('b')}`,
    ]);
    for (const side of sides) this.#wire(side);
    const zeroChecksum = peer !== 'kernel vxlan';
    this.#attach('a', by, zeroChecksum, cutting);
    if (peer === 'programs') this.#attach('b', by, zeroChecksum, cutting);
    else this.#kernelVxlan(zeroChecksum);
  }

  namespace(side: Side): string {
    return `${this.#name}-${side}`;
  }

  /** The namespace of the workload x.1.5 (A) or x.2.5 (B). */
  workload(side: Side): string {
    return `${this.#name}-w${side}`;
  }

  /** What the programs of a side counted. */
  counts(side: Side): ReadonlyMap<string, bigint> {
    const loaded = this.#loaded[side];
    const counts: readonly Count[] = loaded === undefined ? [] : countsOf(loaded.object);
    return new Map(
      counts.map(({ direction, verdict, packets }) => [`${direction} ${verdict}`, packets]),
    );
  }

  /** Waits until no counter moves any more: closing connections take a moment. */
  async settle(): Promise<void> {
    const now = (): string =>
      sides.flatMap((side) => [...this.counts(side).values()].map(String)).join();
    for (let before = ''; before !== now(); await setTimeout(300)) before = now();
  }

  /** Runs a command on a node or, with `workload`, in its workload; what it said. */
  run(side: Side, where: 'node' | 'workload', ...argv: readonly string[]): string {
    const namespace = where === 'node' ? this.namespace(side) : this.workload(side);
    return this.#run(namespace, argv);
  }

  /** Sets the offloads of the wire's and the workloads' devices. */
  offloads(state: Offloads): void {
    for (const side of sides) {
      this.#run(this.namespace(side), ['ethtool', '-K', 'uplink', ...offloads[state].uplink]);
      this.#run(this.workload(side), ['ethtool', '-K', 'eth0', ...offloads[state].workload]);
    }
  }

  /** Sets ethtool's switches of both uplinks, or of both workloads' links, at both of their ends. */
  set(devices: 'uplinks' | 'workloads', setting: Setting): void {
    const ethtool = (namespace: string, device: string): void => {
      this.#run(namespace, ['ethtool', '-K', device, ...argumentsOf(setting)]);
    };
    for (const side of sides) {
      if (devices === 'uplinks') ethtool(this.namespace(side), 'uplink');
      else {
        ethtool(this.namespace(side), 'cali0');
        ethtool(this.workload(side), 'eth0');
      }
    }
  }

  /** Two pings from one workload to the other, of one packet with DF; whether both were answered. */
  pings(from: Side, address: string, ipBytes: number): boolean {
    const size = ['-s', String(ipBytes - (address.includes(':') ? 48 : 28))];
    const ping = [
      'ping',
      '-n',
      '-q',
      '-M',
      'do',
      ...size,
      '-c',
      '2',
      '-i',
      '0.2',
      '-W',
      '2',
      address,
    ];
    try {
      this.#run(this.workload(from), ping);
      return true;
    } catch {
      return false;
    }
  }

  /** Sends random bytes over TCP; what both ends hashed. */
  async transfer(from: Side, address: string, bytes: number): Promise<[sent: string, got: string]> {
    const to = this.workload(from === 'a' ? 'b' : 'a');
    return this.stream(this.workload(from), to, address, bytes);
  }

  /** The same between any two of its namespaces. */
  async stream(
    from: string,
    to: string,
    address: string,
    bytes: number,
  ): Promise<[sent: string, got: string]> {
    const server = this.#node(to, tcpReceiver);
    const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
    await lines.next(); // listening
    const client = this.#node(from, tcpSender, address, String(bytes));
    const [sent, got] = await Promise.all([
      createInterface(client.stdout)[Symbol.asyncIterator]().next(),
      lines.next(),
    ]);
    return [String(sent.value), String(got.value)];
  }

  /** Sends UDP super-packets (UDP_SEGMENT, as QUIC does) to port 5202; how many datagrams arrived. */
  async superPackets(from: Side, address: string, count: number): Promise<number> {
    const to = from === 'a' ? 'b' : 'a';
    const server = this.#start(this.workload(to), ['python3', '-u', '-c', udpReceiver]);
    const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
    await lines.next(); // listening
    this.#run(this.workload(from), ['python3', '-c', udpSender, address, String(count)]);
    return Number((await lines.next()).value);
  }

  /** Captures tunnel packets where they arrive, while `traffic` runs. */
  async capture(at: Side, file: string, traffic: () => Promise<unknown>): Promise<void> {
    const filter = ['udp port 4789 or ip proto 4 or ip proto 41 or ip6 proto 41'];
    const options = ['-i', 'uplink', '-U', '-w', file, '-c', '600', ...filter];
    const tcpdump = this.#start(this.namespace(at), ['tcpdump', ...options]);
    const ended = once(tcpdump, 'exit'); // by itself, when it has enough
    for await (const line of createInterface(tcpdump.stderr)) if (/listening/.test(line)) break;
    await traffic();
    tcpdump.kill('SIGINT');
    await ended;
  }

  [Symbol.dispose](): void {
    for (const link of this.#links) link[Symbol.dispose]();
    for (const loaded of Object.values(this.#loaded)) loaded.object[Symbol.dispose]();
    process.off('exit', this.#remove);
    this.#remove();
  }

  readonly #remove = (): void => {
    for (const side of sides)
      for (const name of [this.workload(side), this.namespace(side)])
        execFileSync('ip', ['netns', 'delete', name]);
  };

  #wire(side: Side): void {
    const { underlay, underlay6 } = nodes[side];
    const workload = this.workload(side);
    const end = (name: OverlayName, host: 1 | 5, device: string): string => {
      const length = overlays[name].family === 'ipv4' ? '24' : '64';
      const dad = overlays[name].family === 'ipv4' ? '' : ' nodad';
      return `address add ${addressIn(name, side, host)}/${length} dev ${device}${dad}`;
    };
    this.#batch(side, [
      `address add ${underlay}/24 dev uplink`,
      `address add ${underlay6}/64 dev uplink nodad`,
      'link set lo up',
      'link set uplink up',
      `link add cali0 type veth peer name eth0 netns ${workload}`,
      'link set cali0 up',
      ...overlayNames.map((name) => end(name, 1, 'cali0')),
    ]);
    execFileSync('ip', ['-n', workload, '-batch', '-'], {
      input: [
        'link set eth0 up mtu 1500',
        ...overlayNames.map((name) => end(name, 5, 'eth0')),
        ...overlayNames.map((name) => {
          const { pool, mtu } = overlays[name];
          return `route add ${pool} via ${addressIn(name, side, 1)} mtu ${mtu}`;
        }),
      ].join('\n'),
    });
  }

  /** Loads, writes NOBODY's neighbour entry and the pool routes, attaches. */
  #attach(side: Side, by: AttachBy, zeroChecksum: boolean, cutting: Cutting): void {
    const loaded = load(side, { ip6ip: 1 }, datapathObject(), beyondCalico);
    this.#loaded[side] = loaded;
    const other = peerIndex(side, side === 'a' ? 'b' : 'a', 'ipv6');
    const entry = loaded.tables.peers.get(other);
    if (entry !== undefined) loaded.tables.peers.set(other, { ...entry, zeroChecksum });
    const uplink = indexOf(this.namespace(side), 'uplink');
    const ends = cutting === 'with a cutter' ? this.#cutter(side) : undefined;
    if (ends !== undefined) loaded.tables.cutters.set(0, { ...ends, uplink });
    inNamespace(`/run/netns/${this.namespace(side)}`, () => {
      for (const { program, index, direction } of hooksOf({ name: 'uplink', index: uplink }, ends))
        this.#links.push(
          loaded.object
            .program(functionOf(program))
            .attach({ kind: by, ifindex: index, direction }),
        );
    });
    this.#batch(side, [
      ...families.map(
        (family) =>
          `neigh add ${nobodies[family]} lladdr ${loaded.config.nobodyMac} dev uplink nud permanent`,
      ),
      ...overlayNames.map((name) => {
        const { family, pool, mtu } = overlays[name];
        return `route add ${pool} via ${nobodies[family]} dev uplink onlink mtu ${mtu}`;
      }),
    ]);
  }

  /** As the agent makes it. */
  #cutter(side: Side): Cutter['ends'] {
    using netlink = Netlink.open({ namespace: `/run/netns/${this.namespace(side)}` });
    const { ends, missing } = bringCutter(netlink);
    if (ends === undefined) throw new Error(missing);
    return ends;
  }

  /** As Felix sets it up: no learning, static neighbour and forwarding entries. */
  #kernelVxlan(zeroChecksum: boolean): void {
    const { a, b } = nodes;
    const zero = zeroChecksum ? ' udp6zerocsumtx udp6zerocsumrx' : '';
    this.#batch('b', [
      `link add vxlan.calico mtu 1450 address ${b.vtepMac} type vxlan id 4096 dstport 4789 ` +
        `local ${b.underlay} dev uplink nolearning`,
      `link add vxlan-v6.calico mtu 1430 address ${b.vtepMac} type vxlan id 4096 dstport 4789 ` +
        `local ${b.underlay6} dev uplink nolearning${zero}`,
      'link set vxlan.calico up',
      'link set vxlan-v6.calico up',
      `neigh add 10.244.1.0 lladdr ${a.vtepMac} dev vxlan.calico nud permanent`,
      'route add 10.244.1.0/24 via 10.244.1.0 dev vxlan.calico onlink',
      `neigh add fd00:244:0:1:: lladdr ${a.vtepMac} dev vxlan-v6.calico nud permanent`,
      'route add fd00:244:0:1::/64 via fd00:244:0:1:: dev vxlan-v6.calico onlink',
    ]);
    for (const [device, underlay] of [
      ['vxlan.calico', a.underlay],
      ['vxlan-v6.calico', a.underlay6],
    ] as const) {
      const entry = [a.vtepMac, 'dev', device, 'dst', underlay];
      this.#run(this.namespace('b'), ['bridge', 'fdb', 'add', ...entry]);
    }
  }

  #ip(argv: readonly string[]): void {
    execFileSync('ip', argv);
  }

  #batch(side: Side, lines: readonly string[]): void {
    const input = lines.join('\n');
    execFileSync('ip', ['-n', this.namespace(side), '-batch', '-'], { input });
  }

  #run(namespace: string, argv: readonly string[]): string {
    const words = [`--net=/run/netns/${namespace}`, ...argv];
    return execFileSync('nsenter', words, { stdio: 'pipe', encoding: 'utf8' });
  }

  #node(namespace: string, script: string, ...argv: readonly string[]) {
    return this.#start(namespace, [process.execPath, '-e', script, ...argv]);
  }

  #start(namespace: string, argv: readonly string[]) {
    return spawn('nsenter', [`--net=/run/netns/${namespace}`, ...argv], { timeout: 120_000 });
  }
}

const sides = ['a', 'b'] as const;

let made = 0;

import type { ExecutionContext } from 'ava';
import { deviceOf, felixStarts, type FelixMode } from './felix.js';
import { whyNoDevice } from './kernel-devices.js';
import { answering, asking, type Exchanged } from './lossless.js';
import { skips } from './needs.js';
import type { PoolModes, Stack } from './network/cluster.js';
import { inside, Network, obstacle } from './network/network.js';
import { slowness } from './slowness.js';
import { sniffing } from './sniffer.js';

// Felix is played by felix.ts; everything else is real. Nothing may be lost, whatever happens when.

const cannot = obstacle();

/** An emulated processor is the agent's before it is the traffic's: an answer comes later than TCP waits for it. */
const emulated = slowness > 1;

/** Between two packets of a flow. */
export const paceMs = emulated ? 100 : 2;

/** Which kernel tunnels Felix has on both nodes, and what for. */
export interface World {
  readonly modes: readonly FelixMode[];
  readonly stack: Stack;
  readonly pools: PoolModes;
  readonly reversePath: 0 | 1;
}

/** As a test's title has it. */
export function titleOf({ modes, stack, reversePath }: World): string {
  return `${modes.map(deviceOf).join(' and ')} (${stack}), rp_filter ${reversePath}`;
}

/** Whether this machine can't, which is then said. */
export function skipped(t: ExecutionContext, { modes }: World): boolean {
  const why = cannot ?? whyNoDevice(modes.includes('ipip') ? 'ipip' : 'vxlan');
  if (why === undefined) return skips(t, 'ip', 'bridge', 'nsenter', 'python3', 'tcpdump');
  t.log(`skipped: ${why}`);
  t.pass();
  return true;
}

/** Two nodes with Felix on both, and traffic between workloads, and from the nodes themselves, both ways. */
export class Bed implements AsyncDisposable {
  readonly network: Network;
  readonly #ends: { kill: () => void }[] = [];
  readonly #flows: { readonly name: string; readonly stop: () => Promise<Exchanged> }[] = [];
  #sniffer: Awaited<ReturnType<typeof sniffing>> | undefined;

  private constructor(readonly world: World) {
    this.network = new Network(world.pools, world.stack);
  }

  static async of(world: World): Promise<Bed> {
    const bed = new Bed(world);
    for (const [node, number] of nodes) {
      const space = bed.network.space(node);
      for (const place of ['all', 'default', 'eth0'])
        inside(space, 'sysctl', '-qw', `net.ipv4.conf.${place}.rp_filter=${world.reversePath}`);
      await felixStarts(space, world.modes, number);
    }
    await bed.#begin();
    return bed;
  }

  /** Stops all traffic, and says what of it was lost, sent twice or seen in clear. */
  async losses(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const { name, stop } of this.#flows.splice(0)) {
      const { udp, tcp, retransmitted, lost, refused } = await stop();
      if (
        udp[0] < 100 ||
        udp[0] !== udp[1] ||
        tcp[0] !== tcp[1] ||
        (retransmitted > 0 && !emulated) ||
        refused.length > 0
      )
        found.push(
          `${name}: UDP ${udp.join('/')}, TCP ${tcp.join('/')}, ${retransmitted} retransmitted, lost ${lost.join(' ')} ${refused.join()}`,
        );
    }
    for (const line of (await this.#sniffer?.stop()) ?? []) found.push(`in clear: ${line}`);
    for (const end of this.#ends.splice(0)) end.kill();
    return found;
  }

  async #begin(): Promise<void> {
    const { network } = this;
    this.#sniffer = await sniffing(network.space('b'), 'eth0', [
      'net 10.244.0.0/16 or net fd00:244::/48',
    ]);
    for (const short of ['wa', 'wb'] as const)
      this.#ends.push(await answering(network.space(short)));
    for (const [from, to] of [
      ['wa', 2],
      ['wb', 1],
      ['a', 2],
      ['b', 1],
    ] as const)
      for (const address of addressesOf(this.world.stack, to)) {
        const flow = await asking(network.space(from), address, paceMs);
        this.#ends.push(flow);
        this.#flows.push({ name: `${from} > ${address}`, stop: flow.stop });
      }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) end.kill();
    await this.#sniffer?.stop();
    await this.network[Symbol.asyncDispose]();
  }
}

const nodes = [
  ['a', 1],
  ['b', 2],
] as const;

function addressesOf(stack: Stack, node: 1 | 2): readonly string[] {
  return [
    ...(stack === 'ipv6' ? [] : [`10.244.${node}.5`]),
    ...(stack === 'ipv4' ? [] : [`fd00:244:0:${node}::5`]),
  ];
}

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../src/datapath/status.js';
import { EncapError } from '../../src/errors.js';
import { Asked } from '../support/asked.js';
import { inside, type Network } from '../support/network/network.js';
import { root } from '../support/object.js';
import { within } from '../support/slowness.js';
import type { Connections, Probes, Sight, Sums, Tally } from './load/sums.js';

export { inWords, lossOf, none, type Sums } from './load/sums.js';

/** The machine lost packets by itself, so nothing can be said of the fault. */
export class VoidSample extends Error {
  override readonly name = 'VoidSample';
}

export interface LoadOptions {
  /** Datagrams a second, each way. */
  readonly pps?: number;
  /** Whether workloads' addresses may be seen on the wire at first: their pool does not encapsulate. */
  readonly clear?: 'forbidden' | 'allowed';
  /** Blocks and the underlay addresses of their nodes, beside those of the two nodes. */
  readonly owners?: readonly (readonly [cidr: string, underlay: string])[];
}

const scripts = join(root, 'test/faults/load');
const workloads = { wa: '10.244.1.5', wb: '10.244.2.5' } as const;
/** Windows of datagrams by their numbers; those that are judged count up from the last. */
const windows = { after: 1, apart: 2, control: 3, fault: 10 } as const;
const owners = [
  ['10.244.1.0/26', '192.168.77.1'],
  ['10.244.2.0/26', '192.168.77.2'],
] as const;

/** How long a window without a fault lasts, before and after. */
const controlMs = 500;
/** What is on its way has arrived by then; waited for once, judged by numbers. */
const settleMs = 300;

/**
 * Traffic between the two workloads of a Network: numbered datagrams both ways, four kinds of TCP connections, and an
 * eye on the wire. `start` needs nodes that carry traffic, and begins with a window in which nothing may be lost.
 */
export class Load implements AsyncDisposable {
  readonly #network: Network;
  readonly #ends: Readonly<Record<'wa' | 'wb', Asked>>;
  readonly #server: Asked;
  readonly #driver: Asked;
  readonly #sniffer: Asked;
  readonly #before: Before;
  readonly #judged: { readonly window: number; readonly sent: Sent }[] = [];
  readonly #apart: Record<string, number> = {};
  #window: number = windows.fault;

  private constructor(network: Network, parts: Parts, before: Before) {
    this.#network = network;
    this.#ends = parts.ends;
    this.#server = parts.server;
    this.#driver = parts.driver;
    this.#sniffer = parts.sniffer;
    this.#before = before;
  }

  /** Throws a VoidSample where the machine can't carry it three times in a row. */
  static async start(network: Network, options: LoadOptions = {}): Promise<Load> {
    const parts = await partsOf(network, options);
    const load = new Load(network, parts, countersOf(network));
    try {
      for (let attempt = 1; ; attempt += 1) {
        const window = windows.control + attempt;
        await load.#turn(window);
        await sleep(controlMs);
        const sent = await load.#turn(windows.fault);
        await sleep(settleMs);
        const lost = await load.#lost(window, sent);
        if (lost.length === 0) return load;
        if (attempt === 3) throw new VoidSample(`lost without a fault: ${lost.join(', ')}`);
      }
    } catch (failure) {
      await load[Symbol.asyncDispose]();
      throw failure;
    }
  }

  /** Whether addresses of the pools may be seen on the wire from now on. */
  async clear(may: 'forbidden' | 'allowed'): Promise<void> {
    await this.#sniffer.ask(may === 'allowed' ? 'allow' : 'forbid');
  }

  /**
   * Other pairs of blocks and nodes that the wire may have from now on, beside those of the two nodes. A block of theirs
   * that is among them is where it says there, and nowhere else.
   */
  async owners(more: readonly (readonly [cidr: string, underlay: string])[]): Promise<void> {
    const moved = new Set(more.map(([cidr]) => cidr));
    const stay = owners.filter(([cidr]) => !moved.has(cidr));
    await this.#sniffer.ask(`owners ${JSON.stringify([...stay, ...more])}`);
  }

  /** What was seen on the wire so far. */
  async wire(): Promise<Sight> {
    return (await this.#sniffer.ask('read')) as Sight;
  }

  /** Where numbered datagrams to port 7003 went on the wire since it was asked last. */
  async probes(): Promise<Probes> {
    return (await this.#sniffer.ask('probes')) as Probes;
  }

  /**
   * Does what no packet can survive: datagrams sent meanwhile are not judged, nor what the programs drop. Connections
   * and the wire are.
   */
  async apart(body: () => Promise<void>): Promise<void> {
    this.#judged.push({ window: this.#window, sent: await this.#turn(windows.apart) });
    await sleep(settleMs);
    const before = countersOf(this.#network).drops;
    await body();
    await sleep(settleMs);
    for (const [key, count] of Object.entries(differences(before, countersOf(this.#network).drops)))
      this.#apart[key] = (this.#apart[key] ?? 0) + count;
    this.#window += 1;
    await this.#turn(this.#window);
  }

  /** Ends it; throws a VoidSample where the machine was at fault. */
  async stop(): Promise<Sums> {
    try {
      return await this.#sums();
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  async #sums(): Promise<Sums> {
    this.#judged.push({ window: this.#window, sent: await this.#turn(windows.after) });
    const tcp = (await this.#driver.ask('end')) as Record<string, Connections>;
    await sleep(settleMs);
    const tallies: Tally[] = [];
    const gaps: string[] = [];
    for (const { window, sent } of this.#judged) {
      tallies.push(...Object.values(await this.#tallies(window)));
      gaps.push(...(await this.#lost(window, sent)));
    }
    if (gaps.length > 0) await sleep(controlMs);
    const after = await this.#quiet();
    const wire = await this.wire();
    await this.#mustBeSound(after, gaps.length > 0, wire);
    const sum = (of: (tally: Tally) => number): number =>
      tallies.reduce((total, tally) => total + of(tally), 0);
    const sent = this.#judged.reduce((total, { sent: { wa, wb } }) => total + wa + wb, 0);
    const received = sum(({ distinct }) => distinct);
    const now = countersOf(this.#network);
    const dropped = differences(this.#before.drops, now.drops);
    return {
      sent,
      received,
      lost: sent - received,
      duplicated: sum(({ duplicates }) => duplicates),
      misdelivered: sum(({ strange }) => strange),
      reordered: sum(({ reordered }) => reordered),
      tcp,
      wire,
      dropped: byVerdict(differences(this.#apart, dropped)),
      retransmitted: now.retransmitted - this.#before.retransmitted,
      gaps,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const asked of [...Object.values(this.#ends), this.#server, this.#driver, this.#sniffer])
      asked[Symbol.dispose]();
    return Promise.resolve();
  }

  /** Goes on under another number; gives how many were sent under the one before. */
  async #turn(window: number): Promise<Sent> {
    return this.#each(
      async (end) => ((await end.ask(`window ${window}`)) as { sent: number }).sent,
    );
  }

  async #quiet(): Promise<Sent> {
    const sent = await this.#each(
      async (end) => ((await end.ask('quiet')) as { sent: number }).sent,
    );
    await sleep(settleMs);
    return sent;
  }

  #tallies(window: number): Promise<Both<Tally>> {
    return this.#each(async (end) => (await end.ask(`tally ${window}`)) as Tally);
  }

  /** Of what each end has sent, the ranges of numbers that the other one never had. */
  async #lost(window: number, sent: Sent): Promise<readonly string[]> {
    const found = await Promise.all(
      (['wa', 'wb'] as const).map(async (from) => {
        const [near, far] = [this.#ends[from], this.#ends[from === 'wa' ? 'wb' : 'wa']];
        const ranges = (await far.ask(`lost ${window} ${sent[from]}`)) as [number, number][];
        const lines: string[] = [];
        for (const [first, last] of ranges) {
          const when = String(await near.ask(`when ${window} ${first}`));
          lines.push(`${from} ${first}-${last} at ${when} s`);
        }
        return lines;
      }),
    );
    return found.flat();
  }

  /** Nothing can be said where sockets overran, or where packets are lost after the fault as well. */
  async #mustBeSound(after: Sent, hasLost: boolean, { missed }: Sight): Promise<void> {
    const overruns = await this.#each(async (end) => (await end.ask('overruns')) as number);
    if (overruns.wa + overruns.wb > 0)
      throw new VoidSample(`the receivers had no room for ${overruns.wa + overruns.wb} datagrams`);
    if (missed > 0) throw new VoidSample(`the sniffer had no room for ${missed} frames`);
    if (!hasLost) return;
    const lost = await this.#lost(windows.after, after);
    if (lost.length > 0) throw new VoidSample(`lost after the fault as well: ${lost.join(', ')}`);
  }

  async #each<Value>(ask: (end: Asked) => Promise<Value>): Promise<Both<Value>> {
    const [wa, wb] = await Promise.all([ask(this.#ends.wa), ask(this.#ends.wb)]);
    return { wa, wb };
  }
}

type Both<Value> = Readonly<Record<'wa' | 'wb', Value>>;
type Sent = Both<number>;

interface Parts {
  readonly ends: Both<Asked>;
  readonly server: Asked;
  readonly driver: Asked;
  readonly sniffer: Asked;
}

type Counts = Readonly<Record<string, number>>;

interface Before {
  /** By node, generation and verdict. */
  readonly drops: Counts;
  readonly retransmitted: number;
}

async function partsOf(
  network: Network,
  { pps = 2000, clear = 'forbidden', owners: more = [] }: LoadOptions,
): Promise<Parts> {
  const python = ['python3', '-u'] as const;
  const eye = {
    pools: ['10.244.0.0/16'],
    owners: [...owners, ...more],
    inside: ['cali', 'lo', 'encap'],
  };
  const udp = (from: 'wa' | 'wb', to: 'wa' | 'wb'): Promise<Asked> =>
    Asked.in(
      network.space(from),
      ...[...python, join(scripts, 'udp.py'), workloads[from], workloads[to], String(pps)],
    );
  const tcp = join(scripts, 'tcp.py');
  const sniffer = await Asked.in(
    network.space('b'),
    ...[...python, join(scripts, 'sniffer.py'), JSON.stringify(eye)],
  );
  if (clear === 'allowed') await sniffer.ask('allow');
  const server = await Asked.in(network.space('wb'), ...python, tcp, 'serve');
  const driver = await Asked.in(
    network.space('wa'),
    ...[...python, tcp, 'drive', workloads.wb, String(within(20_000) / 1000)],
  );
  const ends = { wa: await udp('wa', 'wb'), wb: await udp('wb', 'wa') };
  return { ends, server, driver, sniffer };
}

/** What the programs dropped, by node and verdict, and what the workloads' kernels sent again. */
function countersOf(network: Network): Before {
  const drops = (['a', 'b'] as const).flatMap((node) => {
    const { generation, verdicts } = statusOf(network, node) ?? {};
    return (verdicts ?? [])
      .filter(({ kind }) => kind === 'drop')
      .map(({ verdict, egress, ingress }): [string, number] => [
        `${node} ${generation} ${verdict}`,
        Number(egress.packets + ingress.packets),
      ]);
  });
  const again = (['wa', 'wb'] as const).map((short) => {
    const text = inside(network.space(short), 'cat', '/proc/net/snmp');
    const [names, values] = text.split('\n').filter((line) => line.startsWith('Tcp:'));
    const place = names?.split(' ').indexOf('RetransSegs') ?? -1;
    return Number(values?.split(' ')[place]);
  });
  return {
    drops: Object.fromEntries(drops),
    retransmitted: again.reduce((sum, count) => sum + count, 0),
  };
}

/** undefined where nothing of ours is pinned. */
function statusOf(network: Network, node: 'a' | 'b'): Status | undefined {
  try {
    return network.status(node);
  } catch (cause) {
    if (cause instanceof EncapError && cause.code === 'DATAPATH_ABSENT') return undefined;
    throw cause;
  }
}

/** What was counted since; maps that are new have counted from zero. */
function differences(before: Counts, after: Counts): Counts {
  return Object.fromEntries(
    Object.entries(after)
      .map(([key, count]): [string, number] => [key, count - (before[key] ?? 0)])
      .filter(([, count]) => count !== 0),
  );
}

/** Of all generations together. */
function byVerdict(counts: Counts): Counts {
  const sums: Record<string, number> = {};
  for (const [key, count] of Object.entries(counts)) {
    const [node, , verdict] = key.split(' ');
    const name = `${node} ${verdict}`;
    sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}

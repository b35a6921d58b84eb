import { quantile } from 'simple-statistics';
import { seeded } from '../../src/bench/random.js';
import { Trace, type TraceFilter, type TraceMaps } from '../../src/datapath/trace.js';
import type { VerdictNames } from '../../src/datapath/traffic.js';
import type { Cidr } from '../../src/net/cidr.js';
import { verdictNames, type Direction } from '../support/count.js';
import { Dut } from '../support/dut.js';
import { arriving, inVxlan, pooled, routed } from '../support/frames.js';
import { compile } from '../support/object.js';
import type { Packet } from '../support/packet.js';

/** A packet, and what becomes of it. */
export interface TracedPacket {
  readonly name: string;
  readonly direction: Direction;
  readonly verdict: string;
  readonly frame: Uint8Array;
  /** What is run a second time is another packet by then: its runs are timed one by one. */
  readonly isChanged: boolean;
}

/** Who listens: to programs without any of that code, to none of those with it, to others' decisions, to these. */
export const arms = ['without it', 'off', 'without it again', 'filtered out', 'told'] as const;

export type Arm = (typeof arms)[number];

/** Beside the arm `without it`, of the same round. */
export interface Cost {
  readonly packet: TracedPacket;
  readonly arm: Arm;
  /** Of a packet, in nanoseconds. */
  readonly ns: Spread;
  readonly more: Spread;
  readonly ratio: Spread;
}

/** Median and quartiles. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const payload = new Uint8Array(1400);

const long = (packet: Packet): Uint8Array => packet.udp(1, 2).raw(payload).bytes();

export const tracedPackets: readonly TracedPacket[] = [
  {
    name: 'egress, other traffic',
    direction: 'egress',
    verdict: 'PASS_NOT_POOL',
    frame: long(routed('192.0.2.1')),
    isChanged: false,
  },
  {
    name: 'egress, a drop',
    direction: 'egress',
    verdict: 'DROP_NO_BLOCK',
    frame: long(pooled('10.244.1.5', '10.244.200.1')),
    isChanged: false,
  },
  {
    name: 'egress, encapsulated (VXLAN)',
    direction: 'egress',
    verdict: 'ENCAPSULATED',
    frame: long(pooled('10.244.1.5', '10.244.2.9')),
    isChanged: true,
  },
  {
    name: 'ingress, other traffic',
    direction: 'ingress',
    verdict: 'PASS_NOT_OURS',
    frame: long(arriving()),
    isChanged: false,
  },
  {
    name: 'ingress, decapsulated (VXLAN)',
    direction: 'ingress',
    verdict: 'DECAPSULATED',
    frame: long(inVxlan('10.244.2.9', '10.244.1.5')),
    isChanged: true,
  },
];

/** As many as the ring buffer holds of those that are told. */
const repeated = 2000;

/** Single runs of a round, after those that meet cold caches. */
const singles = 40;
const warming = 5;

/** The headers of a frame, as `encap trace` asks for. */
const snapBytes = 192;

const nowhere = '203.0.113.0/24' as Cidr;

/** The programs with the code and those without it, twice: what the two without it differ by is noise. */
export class TraceCost implements Disposable {
  readonly #traced: Dut;
  readonly #untraced: readonly [Dut, Dut];

  constructor() {
    // of one compiler
    const [file, without] = [compile('v2'), compile('v2', 'bench/untraced')];
    this.#traced = new Dut('a', {}, 1500, file);
    this.#untraced = [new Dut('a', {}, 1500, without), new Dut('a', {}, 1500, without)];
  }

  /** Each packet by each arm once in each round, in an order that is drawn for it, after a round that is not counted. */
  async measure(packets: readonly TracedPacket[], rounds: number): Promise<readonly Cost[]> {
    const random = seeded(1);
    const costs: Cost[] = [];
    for (const packet of packets) {
      this.#check(packet);
      const taken = new Map<Arm, number[]>(arms.map((arm) => [arm, []]));
      for (let round = 0; round <= rounds; round += 1)
        for (const arm of shuffled(arms, random)) {
          const ns = await this.#sample(packet, arm);
          if (round > 0) taken.get(arm)?.push(ns);
        }
      costs.push(...arms.map((arm) => costOf(packet, arm, taken)));
    }
    return costs;
  }

  async #sample(packet: TracedPacket, arm: Arm): Promise<number> {
    switch (arm) {
      case 'without it':
        return run(this.#untraced[0], packet).ns;
      case 'without it again':
        return run(this.#untraced[1], packet).ns;
      case 'off':
        return run(this.#traced, packet).ns;
      case 'filtered out':
        return this.#heard(packet, { either: nowhere }, 'nothing');
      case 'told':
        return this.#heard(packet, {}, 'all');
    }
  }

  /** With a reader, who takes down afterwards what was told. */
  async #heard(
    packet: TracedPacket,
    asked: Partial<TraceFilter>,
    expected: 'all' | 'nothing',
  ): Promise<number> {
    const { object } = this.#traced;
    const maps: TraceMaps = {
      tracers: object.map('tracers'),
      traced: object.map('traced'),
      decisions: object.map('decisions'),
    };
    const names: VerdictNames = Object.fromEntries(verdictNames(object));
    using trace = new Trace(maps, names, {
      verdicts: Object.values(names),
      directions: ['egress', 'ingress'],
      rate: 0xffffffff,
      snapBytes,
      ...asked,
    });
    const { ns, runs } = run(this.#traced, packet);
    const { limited, lost } = trace.untold();
    if (limited + lost > 0) throw new Error(`${packet.name}: ${limited + lost} were not told`);
    const signal = AbortSignal.timeout(expected === 'all' ? 10_000 : 1);
    let told = 0;
    for await (const _ of trace.decisions(signal)) if ((told += 1) === runs) break;
    const wanted = expected === 'all' ? runs : 0;
    if (told !== wanted) throw new Error(`${packet.name}: ${told} told, not ${wanted}`);
    return ns;
  }

  #check({ name, direction, frame, verdict }: TracedPacket): void {
    for (const dut of [this.#traced, ...this.#untraced]) {
      const ran = dut.run(direction, frame);
      if (ran.verdict !== verdict) throw new Error(`${name}: ${ran.verdict}`);
    }
  }

  [Symbol.dispose](): void {
    for (const dut of [this.#traced, ...this.#untraced]) dut[Symbol.dispose]();
  }
}

/** Nanoseconds of a run, as the kernel takes their time. */
function run(dut: Dut, { direction, frame, isChanged }: TracedPacket) {
  if (!isChanged)
    return { ns: dut.quickly(direction, frame, { repeat: repeated }).durationNs, runs: repeated };
  const taken = Array.from(
    { length: warming + singles },
    () => dut.quickly(direction, frame).durationNs,
  );
  return { ns: quantile(taken.slice(warming), 0.5), runs: taken.length };
}

function costOf(packet: TracedPacket, arm: Arm, taken: ReadonlyMap<Arm, readonly number[]>): Cost {
  const ns = taken.get(arm) ?? [];
  const base = taken.get('without it') ?? [];
  const beside = (of: (own: number, without: number) => number) =>
    spread(ns.map((own, round) => of(own, base[round] ?? NaN)));
  return {
    packet,
    arm,
    ns: spread(ns),
    more: beside((own, without) => own - without),
    ratio: beside((own, without) => own / without),
  };
}

function spread(values: readonly number[]): Spread {
  const [low = NaN, median = NaN, high = NaN] = quantile([...values], [0.25, 0.5, 0.75]);
  return { low, median, high };
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const drawn = [...items];
  for (let place = drawn.length - 1; place > 0; place -= 1) {
    const other = Math.floor(random() * (place + 1));
    [drawn[place], drawn[other]] = [drawn[other] as T, drawn[place] as T];
  }
  return drawn;
}

import { tmpdir } from 'node:os';
import { u32 } from 'libbpf-ts';
import { isDeepStrictEqual } from 'node:util';
import { verdictTraffic } from '../../../src/datapath/abi.js';
import { compile } from '../../../src/datapath/compile.js';
import { TestNode, type Tested } from '../../../src/datapath/test-node.js';
import { readPeerTraffic, type PeerTraffic, type Traffic } from '../../../src/datapath/traffic.js';
import { u16 } from '../reference/ip.js';
import type { Outcome } from '../reference/outcome.js';
import { referenceOf, type Met } from '../reference/reference.js';
import type { Row } from './rows.js';
import type { Variant } from './variants.js';

/** A packet that the programs and the reference judge differently. */
export interface Difference {
  readonly row: Row;
  readonly expected: string;
  readonly got: string;
}

/** The programs and the reference side by side, in one variant of the corpus' world. */
export class Bench implements Disposable {
  readonly variant: Variant;
  readonly #node: TestNode;
  readonly #reference: (met: Met) => Outcome;
  readonly #tally = new Map<string, Sum>();
  readonly #byPeer = new Map<string, Sum>();
  refused = 0;
  packets = 0;
  forwarded = 0;

  constructor(variant: Variant) {
    const { config, world } = variant;
    this.variant = variant;
    this.#node = new TestNode({
      object: compile(),
      config,
      desired: { ...(variant.told ?? world.tables), routes: new Map() },
      uplink: world.uplink,
      folders: { pins: '', run: tmpdir() },
    });
    variant.given?.(this.#node);
    this.#reference = referenceOf(world);
  }

  /** Runs a packet through both; undefined: they agree, or the kernel takes no such frame for a test run. */
  run(row: Row): Difference | undefined {
    const forwarded = row.from !== 'local';
    const tested = this.#node.run({
      ...row,
      forwarded,
      mark: row.marked ? this.#node.config.ownMark : 0,
    });
    if (tested.kind === 'refused') {
      if (forwarded) return this.run({ ...row, from: 'local' }); // 5.10 takes no forwarded packets
      this.refused += 1;
      return undefined;
    }
    if (forwarded) this.forwarded += 1;
    const outcome = this.#reference({ ...row, forwarded });
    this.packets += 1;
    this.#count(row, outcome);
    const [expected, got] = compared(row, outcome, tested, this.#node.config.ownMark);
    return expected === got ? undefined : { row, expected, got };
  }

  /** Counters that say something else than the reference's tally, in packets or in bytes. */
  miscounted(): readonly string[] {
    return [...this.#miscountedVerdicts(), ...this.#miscountedPeers()];
  }

  /** Packets by direction and verdict, as the reference has them. */
  tally(): ReadonlyMap<string, number> {
    return new Map([...this.#tally].map(([name, { packets }]) => [name, packets]));
  }

  [Symbol.dispose](): void {
    this.#node[Symbol.dispose]();
  }

  #miscountedVerdicts(): readonly string[] {
    const { maps, verdicts } = this.#node;
    const counters = maps.verdicts.typed(u32, verdictTraffic);
    return Object.entries(verdicts).flatMap(([index, verdict]) => {
      const cpus = counters.getPerCpu(Number(index)) ?? [];
      return (['egress', 'ingress'] as const).flatMap((direction) => {
        const found = {
          packets: sum(cpus.map((cpu) => cpu[direction].packets)),
          bytes: sum(cpus.map((cpu) => cpu[direction].bytes)),
        };
        const expected = this.#tally.get(`${direction} ${verdict}`) ?? nothing;
        return found.packets === expected.packets && found.bytes === expected.bytes
          ? []
          : [`${direction} ${verdict}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`];
      });
    });
  }

  #miscountedPeers(): readonly string[] {
    const { maps, nodes } = this.#node;
    const found = new Map<string, Sum>();
    for (const [index, node] of nodes)
      for (const [kind, { packets, bytes }] of Object.entries(
        readPeerTraffic(maps.peer_traffic, index),
      ) as [keyof PeerTraffic, Traffic][])
        add(found, `${node} ${kind}`, Number(packets), Number(bytes));
    return [...found].flatMap(([name, sum]) =>
      isDeepStrictEqual(sum, this.#byPeer.get(name) ?? nothing)
        ? []
        : [`${name}: ${JSON.stringify(sum)}, not ${JSON.stringify(this.#byPeer.get(name))}`],
    );
  }

  #count({ direction, frame }: Row, { verdict, peer }: Outcome): void {
    add(this.#tally, `${direction} ${verdict}`, 1, frame.length);
    const kind = carried.get(verdict);
    if (kind !== undefined && peer !== undefined)
      add(this.#byPeer, `${peer} ${kind}`, 1, frame.length);
  }
}

interface Sum {
  readonly packets: number;
  readonly bytes: number;
}

const nothing: Sum = { packets: 0, bytes: 0 };

/** What peers are counted by. */
const carried = new Map<string, keyof PeerTraffic>([
  ['ENCAPSULATED', 'encapsulated'],
  ['DECAPSULATED', 'decapsulated'],
  ['DIRECT', 'direct'],
]);

function add(sums: Map<string, Sum>, name: string, packets: number, bytes: number): void {
  const before = sums.get(name) ?? nothing;
  sums.set(name, { packets: before.packets + packets, bytes: before.bytes + bytes });
}

/** What was expected and what came, in words: equal where all is well. */
function compared(
  { frame, marked }: Row,
  { verdict, peer, frame: made, portAt, idAt, flowLabelAt }: Outcome,
  tested: Tested & { kind: 'ran' },
  ownMark: number,
): [string, string] {
  const isDropped = verdict.startsWith('DROP_');
  const isCarried = !isDropped && !verdict.startsWith('PASS_');
  const chosen = {
    port: portAt === undefined ? 0 : dynamic(u16(tested.frame, portAt)),
    id: idAt === undefined ? 0 : u16(tested.frame, idAt),
    flowLabel: flowLabelAt === undefined ? 0 : flowLabelOf(tested.frame, flowLabelAt),
  };
  const words = (
    verdict: string,
    action: number,
    peer: string | undefined,
    isMarked: boolean,
    frame: Uint8Array,
  ): string =>
    [
      verdict,
      `tc ${action}`,
      ...(isCarried ? [`peer ${peer ?? 'none'}`] : []),
      ...(isDropped
        ? []
        : [isMarked ? 'marked' : 'not marked', Buffer.from(frame).toString('hex')]),
    ].join(', ');
  return [
    words(
      verdict,
      actionOf(verdict),
      peer,
      isSentOn(verdict) || (marked && !isUnmarked(verdict)),
      made?.(chosen) ?? frame,
    ),
    words(tested.verdict, tested.action, tested.peer, (tested.mark & ownMark) !== 0, tested.frame),
  ];
}

/** Marked: they come by once more. */
function isSentOn(verdict: string): boolean {
  return ['ENCAPSULATED', 'DIRECT', 'DIRECT_AGAIN'].includes(verdict);
}

/** Our own packets that come by once more, pieces that were taken out, and what is no packet of ours any more. */
function isUnmarked(verdict: string): boolean {
  return ['PASS_OWN_TUNNEL', 'ANSWERED_TOO_BIG', 'DECAPSULATED'].includes(verdict);
}

/** TC_ACT_REDIRECT, TC_ACT_SHOT, TC_ACT_UNSPEC. */
function actionOf(verdict: string): number {
  if (isSentOn(verdict) || verdict === 'ANSWERED_TOO_BIG') return 7;
  return verdict.startsWith('DROP_') ? 2 : -1;
}

/** RFC 7348 section 5 recommends these ports, as RFC 6335 section 6 names them; another one is no choice. */
function dynamic(port: number): number {
  return port >= 49152 ? port : 0;
}

function flowLabelOf(frame: Uint8Array, at: number): number {
  return (((frame[at] ?? 0) & 15) << 16) | u16(frame, at + 1);
}

function sum(numbers: readonly bigint[]): number {
  return Number(numbers.reduce((total, number) => total + number, 0n));
}

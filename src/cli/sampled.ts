import { openMaps, type Maps } from '../datapath/maps.js';
import * as abi from '../datapath/abi.js';
import { heldBlocks } from '../datapath/tables/index.js';
import type { Generation } from '../datapath/generation.js';
import type { Address } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';
import { PrefixTable } from '../net/prefix-table.js';
import type { Amount, Reading } from './rates.js';
import { type TracedNode, Tracing } from './tracing.js';

/** What the programs do not count: it is added up here, of the decisions that they tell. */
export type Sampled = 'block' | 'pool';

/** So many decisions in a second are looked at; above it the rest is taken to be like them. */
const sampleRate = 5000;

/** As much of a frame as both IP headers take. */
const headerBytes = 192;

/**
 * Adds up traffic by the block, or the pool, of the other end's address. Exact to `sampleRate` decisions a second; above
 * it the sum is, and its parts are estimates.
 */
export class Sampler implements Disposable {
  readonly #tracing: Tracing;
  readonly #nameOf: (address: Address) => string;
  readonly #counts = new Map<string, { tx: Amount; rx: Amount }>();
  #fresh = new Map<string, { tx: Amount; rx: Amount }>();
  #told = 0;
  #untold = 0;

  constructor(node: TracedNode, by: Sampled) {
    this.#nameOf = namer(node.generation, by);
    this.#tracing = new Tracing(node, {
      verdicts: ['ENCAPSULATED', 'DECAPSULATED', 'DIRECT', 'SHORTCUT_OUT', 'SHORTCUT_IN'],
      directions: ['egress', 'ingress'],
      rate: sampleRate,
      snapBytes: headerBytes,
    });
  }

  /** Listens until the signal fires; a failure is this promise's. */
  async listen(signal: AbortSignal): Promise<void> {
    for await (const { row } of this.#tracing.told(signal)) {
      if (row.inner === null) continue;
      const isSent = row.direction === 'egress';
      const name = this.#nameOf(isSent ? row.inner.destination : row.inner.source);
      const { tx, rx } = this.#fresh.get(name) ?? nothing;
      const one = { packets: 1, bytes: row.bytes };
      this.#fresh.set(name, isSent ? { tx: plus(tx, one, 1), rx } : { tx, rx: plus(rx, one, 1) });
      this.#told += 1;
    }
  }

  /** What has been added up; since the last call, each decision that was told stands for those that were not. */
  read(): Reading {
    const untold = this.#tracing.untold();
    const missed = untold.limited + untold.lost - this.#untold;
    const factor = this.#told === 0 ? 1 : (this.#told + missed) / this.#told;
    for (const [name, { tx, rx }] of this.#fresh) {
      const before = this.#counts.get(name) ?? nothing;
      this.#counts.set(name, { tx: plus(before.tx, tx, factor), rx: plus(before.rx, rx, factor) });
    }
    this.#fresh = new Map();
    this.#told = 0;
    this.#untold += missed;
    return { ns: process.hrtime.bigint(), counts: new Map(this.#counts) };
  }

  [Symbol.dispose](): void {
    this.#tracing[Symbol.dispose]();
  }
}

const nothing = { tx: { packets: 0, bytes: 0 }, rx: { packets: 0, bytes: 0 } };

function plus(sum: Amount, more: Amount, factor: number): Amount {
  return {
    packets: sum.packets + more.packets * factor,
    bytes: sum.bytes + more.bytes * factor,
  };
}

/** The block or pool of an address, as the tables have them now. */
function namer(generation: Generation, by: Sampled): (address: Address) => string {
  using opened = openMaps(generation);
  const { maps } = opened;
  const cidrs = by === 'pool' ? maps.pools.typed(abi.poolKey, abi.pool).keys() : blocksIn(maps);
  const table = new PrefixTable([...cidrs].map((cidr) => [cidr, cidr] as const));
  return (address) => table.match(address)?.value ?? `no ${by}`;
}

function* blocksIn(maps: Maps): Generator<Cidr, void, void> {
  for (const [cidr] of heldBlocks(maps)) yield cidr;
}

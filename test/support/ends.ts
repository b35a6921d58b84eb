import { Endpoint, lossesOf } from './endpoint.js';
import { addressIn, type OverlayName } from './overlays.js';
import type { Pair } from './pair.js';

/** What a test that uses them needs on this machine. */
export const endsNeed = ['ip', 'nsenter', 'ethtool', 'bridge', 'python3'];

/** The ends of a pair's traffic: both workloads, and A's own processes. */
export class Ends implements Disposable {
  readonly #workloadA: Endpoint;
  readonly #workloadB: Endpoint;
  readonly #nodeA: Endpoint;

  private constructor(...[workloadA, workloadB, nodeA]: [Endpoint, Endpoint, Endpoint]) {
    this.#workloadA = workloadA;
    this.#workloadB = workloadB;
    this.#nodeA = nodeA;
  }

  static async of(pair: Pair): Promise<Ends> {
    return new Ends(
      await Endpoint.in(pair.workload('a')),
      await Endpoint.in(pair.workload('b')),
      await Endpoint.in(pair.namespace('a')),
    );
  }

  /** Sends by every transport from each of them, and back; what did not come back. */
  async exchange(overlay: OverlayName, bytes: number): Promise<string[]> {
    const [toA, toB] = [addressIn(overlay, 'a'), addressIn(overlay, 'b')];
    const results = [
      ['workload a', await this.#workloadA.exchange(toB, toA, bytes)],
      ['workload b', await this.#workloadB.exchange(toA, toB, bytes)],
      ['node a', await this.#nodeA.exchange(toB, addressIn(overlay, 'a', 1), bytes)],
    ] as const;
    return results.flatMap(([from, exchange]) =>
      lossesOf(exchange).map((loss) => `from ${from}: ${loss}`),
    );
  }

  [Symbol.dispose](): void {
    for (const end of [this.#workloadA, this.#workloadB, this.#nodeA]) end[Symbol.dispose]();
  }
}

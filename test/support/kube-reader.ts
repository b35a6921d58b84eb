import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
// Loaded before any test is: it takes half a second, in which nobody would answer.
import '@kubernetes/client-node';
import { kubernetesSource } from '../../src/sources/kubernetes/source.js';
import type { KubernetesSourceOptions } from '../../src/sources/kubernetes/source.js';
import type { Reading } from '../../src/sources/source.js';
import type { KubeObject } from './kube-server.js';

type Options = Partial<KubernetesSourceOptions> & { readonly kubeconfig: string };

/** A source being read: everything it has told so far. */
export class Reader implements AsyncDisposable {
  readonly readings: Reading[] = [];
  readonly #abort = new AbortController();
  readonly #reading: Promise<void>;

  constructor(options: Options) {
    const source = kubernetesSource({
      context: undefined,
      environment: {},
      node: 'a',
      ...options,
    });
    this.#reading = this.#read(source.inventories(this.#abort.signal));
    this.#reading.catch(() => undefined); // told by whoever waits
  }

  /** The newest reading. */
  get now(): Reading {
    return this.readings.at(-1) ?? { inventory: undefined, problems: [] };
  }

  /** The world in a few words: pools, nodes, then blocks with their owners. */
  get world(): string {
    const { inventory } = this.now;
    if (inventory === undefined) return 'none';
    const blocks = [...inventory.blocks].map(({ cidr, node }) => `${cidr}@${String(node)}`).sort();
    const pools = inventory.pools.filter(({ mode }) => mode.when !== 'never');
    return [...pools.map(({ name }) => name), ...inventory.nodes.keys(), ...blocks].join(' ');
  }

  get faults(): string[] {
    return (this.now.faults ?? []).map(({ message }) => message);
  }

  get problems(): string[] {
    return this.now.problems.map(({ file, path, message }) => `${file} ${path}: ${message}`);
  }

  /** Waits until it is so; fails with what there is where it does not become so. */
  async until(what: () => boolean, ms = 15_000): Promise<void> {
    const end = performance.now() + ms;
    while (!what()) {
      if (performance.now() > end)
        throw new Error(`it did not come to that: ${this.world}; ${this.faults.join('; ')}`);
      await Promise.race([sleep(5), this.#failed()]);
    }
  }

  /** Why it ended. */
  async failure(): Promise<unknown> {
    return await this.#reading.then(
      () => undefined,
      (failure: unknown) => failure,
    );
  }

  async #failed(): Promise<void> {
    await this.#reading;
    if (!this.#abort.signal.aborted) throw new Error('the source ended');
  }

  async #read(readings: AsyncIterable<Reading>): Promise<void> {
    for await (const reading of readings) this.readings.push(reading);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#reading.catch(() => undefined);
  }
}

export function node(name: string, octet: number, more: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'projectcalico.org/IPv4Address': `172.16.0.${octet}/24` },
    },
    spec: {},
    ...more,
  };
}

export function pool(name: string, cidr: string, spec: object = {}): KubeObject {
  return {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'IPPool',
    metadata: { name },
    spec: { cidr, vxlanMode: 'Always', ipipMode: 'Never', ...spec },
  };
}

/** 10.1.0.0/26 and the ones after it, by number. */
export function block(number: number, owner: string, spec: object = {}): KubeObject {
  const [third, fourth] = [number >> 2, (number & 3) << 6];
  const name = `10.${1 + (third >> 8)}.${third & 255}.${fourth}/26`;
  return {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'IPAMBlock',
    metadata: { name: name.replace(/[./]/g, '-') },
    spec: {
      cidr: name,
      affinity: `host:${owner}`,
      allocations: [],
      unallocated: [],
      attributes: [],
      ...spec,
    },
  };
}

/** Where it is not about time: no test waits for what a person would not notice, nor fails on a busy machine. */
export const quick = {
  openMs: 5000,
  answerMs: 5000,
  silenceMs: 60_000,
  signMs: 5000,
  discoveryMs: 60_000,
  watchMs: 300_000,
};

export type Test = ExecutionContext;

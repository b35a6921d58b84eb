import { u32, type BpfObject } from 'libbpf-ts';
import { verdictTraffic } from '../../src/datapath/abi.js';

export type Direction = 'egress' | 'ingress';

/** One of the programs' counters, summed over the CPUs. */
export interface Count {
  readonly direction: Direction;
  readonly verdict: string;
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** enum verdict, as the object's BTF has it. */
export function verdictNames(object: BpfObject): ReadonlyMap<number, string> {
  const members = object.btf.enum('verdict') ?? new Map<string, number>();
  return new Map(
    [...members].filter(([name]) => name !== 'VERDICT_COUNT').map(([name, value]) => [value, name]),
  );
}

/** All of a program object's verdicts. */
export function countsOf(object: BpfObject): readonly Count[] {
  const verdicts = object.map('verdicts', u32, verdictTraffic);
  return [...verdictNames(object)].flatMap(([index, verdict]) => {
    const cpus = verdicts.getPerCpu(index) ?? [];
    return (['egress', 'ingress'] as const).map((direction) => ({
      direction,
      verdict,
      packets: sum(cpus, (cpu) => cpu[direction].packets),
      bytes: sum(cpus, (cpu) => cpu[direction].bytes),
    }));
  });
}

/** Adds up what each CPU counted. */
export function sum<T>(items: readonly T[] | undefined, of: (item: T) => bigint): bigint {
  return (items ?? []).reduce((total, item) => total + of(item), 0n);
}

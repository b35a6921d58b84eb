import { EncapError } from '../errors.js';
import { endpoint } from '../lab/endpoint.js';
import { remove } from '../lab/down.js';
import { batch } from '../lab/namespace.js';
import { pingOnce } from '../lab/ping.js';
import { labNames, type Lab } from '../lab/state.js';
import { checkRoot } from '../lab/up.js';
import { build, pathOf } from './cluster.js';
import { busySeconds } from './cpu.js';
import { needs } from './generators/generator.js';
import type { Measured } from './generators/iperf3.js';
import { loads, type LoadName } from './load.js';
import { thisMachine } from './machine.js';
import type { Values } from './metric.js';
import { costsDuring } from './programs.js';
import type { BenchRun, ProgramCost, Sample } from './result.js';
import { loadRules, rules } from './rules.js';
import { scheduleOf, type Turn } from './schedule.js';
import type { Suite } from './suite.js';
import { lay, underlays, type UnderlayName } from './underlay.js';
import { variants, type VariantName } from './variant.js';

/** What is to be measured, and how. */
export interface Plan extends Omit<Suite, 'title'> {
  /** What the others are divided by; measured twice in each round, so that the noise is seen. */
  readonly base: VariantName;
  readonly seed: number;
  /** Whether a variant that this kernel does not have is left out, or is an error. */
  readonly absence: 'is named' | 'is an error';
}

/** What is told while it runs. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly turn: Turn;
  readonly values: Values;
  readonly secondsLeft: number;
}

export interface RunOptions {
  readonly command: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly onStep?: (sentence: string) => void;
  readonly onProgress?: (progress: Progress) => void;
}

/** What a second measurement of the base is called. */
export function controlOf(base: string): string {
  return `${base} again`;
}

/**
 * Builds a network for each variant, measures them in turn, round by round, and removes them. Interrupted, it gives
 * what it has, incomplete.
 */
export async function run(plan: Plan, options: RunOptions): Promise<BenchRun> {
  const { signal, onStep = () => undefined } = options;
  const startedAt = new Date().toISOString();
  checkRoot('encap bench run');
  await needs([...new Set(plan.loads.map((load) => loads[load].tool))]);
  const { here, absent } = await whatIsHere(plan);
  const labs = new Map<string, Lab>();
  try {
    for (const name of here) {
      if (signal?.aborted === true) break;
      const lab = await build(labName(name), variants[name]);
      labs.set(name, lab);
      await loadRules(lab, rules[plan.rules]);
      await reach(lab);
      onStep(`${name}: ${variants[name].title}`);
    }
    const samples = await measure(plan, labs, options);
    const programs = await costs(plan, labs, options);
    const { underlays: under, loads: load, base, rounds, seconds } = plan;
    return {
      apiVersion: 'encap/v1',
      kind: 'BenchRun',
      startedAt,
      endedAt: new Date().toISOString(),
      complete: signal?.aborted !== true,
      command: [...options.command],
      seed: plan.seed,
      machine: thisMachine(),
      versions: { ...options.versions },
      plan: {
        ...{ underlays: [...under], loads: [...load], base, rounds, seconds },
        variants: measured(plan, here),
        rules: plan.rules,
      },
      absent: [...absent],
      samples: [...samples],
      programs: [...programs],
    };
  } finally {
    for (const { name } of labs.values()) if (labNames().includes(name)) await remove(name);
  }
}

function labName(variant: VariantName): string {
  return `bench-${variant}`;
}

function measured({ base }: Plan, here: readonly VariantName[]): string[] {
  return [...here, controlOf(base)];
}

async function whatIsHere(
  plan: Plan,
): Promise<{ readonly here: readonly VariantName[]; readonly absent: BenchRun['absent'] }> {
  const wanted = [...new Set([plan.base, ...plan.variants])];
  const absent: BenchRun['absent'] = [];
  for (const variant of wanted.filter((name) => variants[name].carrier === 'kernel-ipip')) {
    const why = await whyNoIpip();
    if (why !== undefined) absent.push({ variant, why });
  }
  const [first] = absent;
  if (first !== undefined && (plan.absence === 'is an error' || first.variant === plan.base))
    throw new EncapError(`cannot measure ${first.variant}: this kernel does not have it`, {
      code: 'FEATURE_MISSING',
      why: first.why,
      hint: 'leave it out: --variants; or modprobe ipip, where there is such a module',
    });
  return { here: wanted.filter((name) => absent.every(({ variant }) => variant !== name)), absent };
}

async function whyNoIpip(): Promise<string | undefined> {
  const namespace = `encap-bench-${process.pid}`;
  await batch('ip', undefined, [`netns add ${namespace}`]);
  try {
    await batch('ip', namespace, ['link add name probe type ipip local 127.0.0.1']);
    return undefined;
  } catch (error) {
    return error instanceof EncapError ? error.message : String(error);
  } finally {
    await batch('ip', undefined, [`netns delete ${namespace}`]);
  }
}

/** Neighbours are known before anything is measured, and a network that does not carry is no variant. */
async function reach(lab: Lab): Promise<void> {
  const [from, to] = [endpoint(lab, 'a1'), endpoint(lab, 'b1')];
  for (let tries = 0; tries < 5; tries += 1) if ((await pingOnce(from, to)) !== undefined) return;
  throw new EncapError(`cannot measure ${lab.name}: ${to.name} does not answer ${from.name}`, {
    code: 'LAB_FAILED',
    hint: `see the log of its agent, below ${lab.manifests}/..`,
  });
}

async function measure(
  plan: Plan,
  labs: ReadonlyMap<string, Lab>,
  { signal, onProgress = () => undefined }: RunOptions,
): Promise<readonly Sample[]> {
  const here = [...labs.keys()] as VariantName[];
  const names = { ...plan, variants: measured(plan, here) };
  const turns = scheduleOf(names, plan.rounds, plan.seed);
  const samples: Sample[] = [];
  const began = Date.now();
  for (const [done, turn] of turns.entries()) {
    if (signal?.aborted === true) break;
    const lab = labs.get(turn.variant === controlOf(plan.base) ? plan.base : turn.variant);
    if (lab === undefined) throw new Error(`no network of ${turn.variant}`);
    const values = await once(lab, turn, plan.seconds, signal);
    if (values === undefined) break;
    samples.push({ ...turn, values });
    const secondsLeft = ((Date.now() - began) / (done + 1) / 1000) * (turns.length - done - 1);
    onProgress({ done: done + 1, total: turns.length, turn, values, secondsLeft });
  }
  return samples;
}

/** One measurement; undefined when it was interrupted. */
async function once(
  lab: Lab,
  { underlay, load }: Pick<Turn, 'underlay' | 'load'>,
  seconds: number,
  signal?: AbortSignal,
): Promise<Values | undefined> {
  await lay(lab, underlays[underlay as UnderlayName]);
  const before = busySeconds();
  try {
    const result = await loads[load as LoadName].run(pathOf(lab), seconds, signal);
    return { ...result.values, ...cpuOf(result, busySeconds() - before) };
  } catch (error) {
    if (signal?.aborted === true) return undefined;
    throw error;
  }
}

/** CPU time of the whole machine, divided by what was received meanwhile. */
function cpuOf({ bytes, packets }: Measured, seconds: number): Values {
  return {
    ...(bytes === undefined ? {} : { cpuPerGigabyte: seconds / (bytes / 1e9) }),
    ...(packets === undefined ? {} : { cpuPerPacket: seconds / packets }),
  };
}

/** Loads in which packets of one kind make up nearly all: there a mean says something. */
const costly: readonly LoadName[] = ['tcp-1', 'udp-64', 'rr'];

async function costs(
  plan: Plan,
  labs: ReadonlyMap<string, Lab>,
  { signal }: RunOptions,
): Promise<readonly ProgramCost[]> {
  const found: ProgramCost[] = [];
  for (const [variant, lab] of labs) {
    if (variants[variant as VariantName].carrier !== 'encap') continue;
    for (const underlay of plan.underlays)
      for (const load of plan.loads.filter((name) => costly.includes(name))) {
        if (signal?.aborted === true) return found;
        const during = () => once(lab, { underlay, load }, plan.seconds, signal);
        for (const cost of await costsDuring(lab, during))
          found.push({ underlay, load, variant, ...cost });
      }
  }
  return found;
}

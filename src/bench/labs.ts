import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { EncapError } from '../errors.js';
import { encap, nodeEnvironment, stopAgent } from '../lab/agent.js';
import { remove } from '../lab/down.js';
import { endpoint } from '../lab/endpoint.js';
import { batch, runInside } from '../lab/namespace.js';
import { pingOnce } from '../lab/ping.js';
import { labNames, type Lab } from '../lab/state.js';
import { checkRoot } from '../lab/up.js';
import { toolsOf, type MakeBed, type Once } from './bed.js';
import { build, pathOf } from './cluster.js';
import { allowedCpus, busySeconds } from './cpu.js';
import { lacks, node, toolsAt } from './generators/generator.js';
import type { LoadName } from './load.js';
import { machineAt } from './machine.js';
import { here } from './place.js';
import { costsDuring } from './programs.js';
import type { BenchRun, ProgramCost } from './result.js';
import { loadRules, rules, type RulesName } from './rules.js';
import type { Plan } from './run.js';
import { lay, underlays, type UnderlayName } from './underlay.js';
import { variants, type Variant, type VariantName } from './variant.js';

/** Builds a network for each variant on this machine; all stay up until the end. */
export const labs: MakeBed = async (plan, { signal, onStep }) => {
  checkRoot('encap bench run');
  const { versions, missing } = await toolsAt(here, [node, ...toolsOf(plan.loads)]);
  for (const one of missing) throw lacks(here, one);
  const { names, absent } = await whatIsHere(plan);
  const built = new Map<string, Lab>();
  const removeAll = async (): Promise<void> => {
    for (const { name } of built.values()) if (labNames().includes(name)) await remove(name);
  };
  try {
    for (const name of names) {
      if (signal?.aborted === true) break;
      const lab = await build(`bench-${name}`, variants[name]);
      built.set(name, lab);
      await loadRules(lab, rules[plan.rules as RulesName]);
      await reach(lab);
      if (hasShortcuts(variants[name])) await shortcuts(lab);
      await endAgents(lab);
      onStep(`${name}: ${variants[name].title}`);
    }
    return {
      facts: { machine: await machineAt(here), versions },
      absent,
      paths: new Map([...built].map(([name, lab]) => [name, pathOf(lab, allowedCpus())])),
      lay: (variant, underlay) => lay(of(built, variant), underlays[underlay as UnderlayName]),
      busySeconds: () => Promise.resolve(busySeconds()),
      costs: (once) => costs(plan, built, once, signal),
      [Symbol.asyncDispose]: removeAll,
    };
  } catch (error) {
    await removeAll();
    throw error;
  }
};

function of(built: ReadonlyMap<string, Lab>, variant: string): Lab {
  const lab = built.get(variant);
  if (lab === undefined) throw new Error(`no network of ${variant}`);
  return lab;
}

async function whatIsHere(
  plan: Plan,
): Promise<{ readonly names: readonly VariantName[]; readonly absent: BenchRun['absent'] }> {
  const wanted = [...new Set([plan.base, ...plan.variants])] as VariantName[];
  const lacking = wanted.filter((name) => variants[name].carrier === 'kernel-ipip');
  const why = lacking.length === 0 ? undefined : await whyNoIpip();
  if (why === undefined) return { names: wanted, absent: [] };
  const [first] = lacking;
  if (plan.absence === 'is an error' || first === plan.base)
    throw new EncapError(`cannot measure ${first}: this kernel does not have it`, {
      code: 'FEATURE_MISSING',
      why,
      hint: 'leave it out: --variants; or modprobe ipip, where there is such a module',
    });
  return {
    names: wanted.filter((name) => !lacking.includes(name)),
    absent: lacking.map((variant) => ({ variant, why })),
  };
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

/** Packets need none once all is attached, and what several of them do in a small machine would be measured too. */
async function endAgents({ nodes }: Lab): Promise<void> {
  for (const { agent } of nodes) if (agent !== undefined) await stopAgent(agent);
}

function hasShortcuts({ settings }: Variant): boolean {
  return settings !== undefined && 'fastPath' in settings;
}

const status = z.object({
  fastPath: z.object({}).nullable(),
  notes: z.array(z.string()),
});
const workloads = z.object({ items: z.array(z.object({})) });

/** Longer than an agent takes to see that conntrack is there, once our rules have loaded it, and to know its workload. */
const patienceSeconds = 40;

/** Where all takes the stack, a variant is not what it is called. */
async function shortcuts(lab: Lab): Promise<void> {
  for (const { name, namespace } of lab.nodes) {
    const env = nodeEnvironment(lab.name, name);
    const said = async (...words: readonly string[]): Promise<unknown> => {
      const argv = encap(...words, '-o', 'json');
      return JSON.parse((await runInside(namespace, argv, { env })).stdout);
    };
    for (let seconds = 0; ; seconds += 1) {
      const { fastPath, notes } = status.parse(await said('status'));
      const { items } = workloads.parse(await said('map', 'dump', 'workloads'));
      if (fastPath !== null && items.length > 0) break;
      if (seconds === patienceSeconds)
        throw new EncapError(`cannot measure ${lab.name}: packets take the stack`, {
          code: 'FEATURE_MISSING',
          why: notes.join('\n'),
          hint: 'leave the variants with a fast path out: --variants',
        });
      await sleep(1000);
    }
  }
}

/** Loads in which packets of one kind make up nearly all: there a mean says something. */
const costly: readonly LoadName[] = ['tcp-1', 'udp-64', 'udp-64-answered', 'rr'];

async function costs(
  plan: Plan,
  built: ReadonlyMap<string, Lab>,
  once: Once,
  signal: AbortSignal | undefined,
): Promise<readonly ProgramCost[]> {
  const found: ProgramCost[] = [];
  for (const [variant, lab] of built) {
    if (variants[variant as VariantName].carrier !== 'encap') continue;
    for (const underlay of plan.underlays)
      for (const load of plan.loads.filter((name) => costly.includes(name))) {
        if (signal?.aborted === true) return found;
        const which = { underlay, load, variant };
        for (const cost of await costsDuring(lab, () => once(which)))
          found.push({ ...which, ...cost });
      }
  }
  return found;
}

import { copyFileSync, cpSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EncapError } from '../../errors.js';
import { checkout } from '../checkout.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { ping, pingOnce, type Pinged } from '../ping.js';
import { runFolder, type Lab } from '../state.js';
import { up } from '../up.js';
import { addWorkloads } from '../workload.js';
import { ask, decisions, explainArguments } from './ask.js';
import { matrix, tally } from './matrix.js';
import { packetOnWire } from './packets.js';
import { figures, gigabits, indent, picture, say, seconds, title } from './print.js';
import { pingDuring } from './stream.js';
import { compare } from './throughput.js';

const rounds = 5;
const examples = join(checkout, 'examples');

/** A pair for each way of crossing the underlay: direct, VXLAN, IP-in-IP. */
const kinds = [
  ['a1', 'b1'],
  ['a1', 'c1'],
  ['a3', 'c3'],
] as const;

export async function network(name: string, began: number): Promise<Lab> {
  title('the network');
  say(picture);
  const manifests = runFolder(name, 'manifests');
  mkdirSync(manifests, { recursive: true });
  cpSync(join(examples, 'crosssubnet'), manifests, { recursive: true });
  const lab = await up('crosssubnet', { name, manifests, onStep: say });
  const [a1, c1] = [endpoint(lab, 'a1'), endpoint(lab, 'c1')];
  const ms = await pingOnce(a1, c1);
  if (ms === undefined)
    throw new EncapError('cannot reach c1 from a1', {
      code: 'LAB_FAILED',
      hint: `see ${runFolder(name, 'node-a')}/agent.log`,
    });
  say(`first ping a1 → c1: ${ms} ms, ${seconds(Date.now() - began)} after the start`);
  return lab;
}

export async function vxlan(lab: Lab): Promise<readonly Pinged[]> {
  title('an IPPool with vxlanMode: CrossSubnet');
  const pings = await ping({ name: lab.name });
  say('rows send, columns answer; how the request crossed the underlay, as the router saw it');
  say(matrix(pings));
  say(tally(pings));
  return pings;
}

/** A second pool comes while traffic of the first one flows. */
export async function ipipBeside(lab: Lab): Promise<Lab> {
  title('beside it, live: an IPPool with ipipMode: Always');
  const [a1, c1] = [endpoint(lab, 'a1'), endpoint(lab, 'c1')];
  const { sent, answered, result } = await pingDuring(a1, c1, async () => {
    const grown = await addWorkloads(lab, {
      'node-a': { name: 'a3', address: '10.245.1.5' },
      'node-b': { name: 'b3', address: '10.245.2.5' },
      'node-c': { name: 'c3', address: '10.245.3.5' },
    });
    const written = Date.now();
    replaceFiles(join(examples, 'ipip-beside'), lab.manifests);
    await untilReached(grown, endpoint(grown, 'a3'), endpoint(grown, 'c3'));
    await untilReached(grown, endpoint(grown, 'b3'), endpoint(grown, 'c3'));
    return { grown, ms: Date.now() - written };
  });
  say(
    `three manifests written into the agents' folder, three workloads a3, b3, c3 in 10.245.0.0/16`,
  );
  say(`a3 and b3 reach c3 ${seconds(result.ms)} later; a1 → c1 meanwhile: ${answered} of ${sent}`);
  return result.grown;
}

export async function everyPair(lab: Lab): Promise<readonly Pinged[]> {
  title('every workload to every other');
  const pings = await ping({ name: lab.name });
  say(matrix(pings));
  say(tally(pings));
  return pings;
}

export async function packets(lab: Lab): Promise<void> {
  title('one packet of each kind, as it left node-a (tcpdump)');
  for (const [from, to] of kinds) {
    say(`${from} → ${to}`);
    say(indent(await packetOnWire(lab, endpoint(lab, from), endpoint(lab, to))));
  }
}

export async function explanations(lab: Lab, pings: readonly Pinged[]): Promise<void> {
  title('why: encap explain');
  for (const [from, to] of kinds) {
    const [source, destination] = [endpoint(lab, from), endpoint(lab, to)];
    say(await ask(lab, source.node, ...explainArguments(lab, source, [destination])));
    say('');
  }
  const agreed = await agreement(lab, pings);
  say(`explain and the wire agree on ${agreed} of ${pings.length} pairs`);
  title('encap status on node-a');
  say(await ask(lab, 'node-a', 'status'));
}

export async function besideTheKernel(lab: Lab, name: string): Promise<void> {
  title("throughput beside the kernel's own vxlan device");
  const kernel = await up('crosssubnet', { name, carrier: 'kernel-vxlan' });
  const { ratio, ours, theirs } = await compare(lab, kernel, ['a1', 'c1'], rounds);
  say(`one TCP stream a1 → c1 through the router, ${rounds} rounds of 1 s each, taken in turn`);
  say(`encap          ${gigabits(ours)}`);
  say(`kernel vxlan   ${gigabits(theirs)}`);
  say(`encap / kernel ${figures(ratio, 2)} (median of the rounds' ratios, [lowest, highest])`);
  if (ratio.median < 1)
    say(
      'the router cuts super-packets to the MTU; who merges them on arrival: docs/datapath.md, Merging',
    );
  say(
    `veth pairs on ${availableParallelism()} CPUs, no network card: a hint about this machine, not a benchmark`,
  );
}

/** Pairs for which the decision is what the router saw. */
async function agreement(lab: Lab, pings: readonly Pinged[]): Promise<number> {
  const sources = [...new Set(pings.map(({ from }) => from))];
  const counts = await Promise.all(
    sources.map(async (from) => {
      const own = pings.filter((pinged) => pinged.from === from);
      const decided = await decisions(
        lab,
        from,
        own.map(({ to }) => to),
      );
      return own.filter(({ to, how }) => decided.get(to.address) === how).length;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** As an editor or a ConfigMap does it: each file whole or not at all. */
function replaceFiles(from: string, into: string): void {
  for (const file of readdirSync(from)) {
    copyFileSync(join(from, file), join(into, `.${file}.new`));
    renameSync(join(into, `.${file}.new`), join(into, file));
  }
}

async function untilReached(lab: Lab, from: Endpoint, to: Endpoint): Promise<void> {
  for (const started = Date.now(); (await pingOnce(from, to)) === undefined; await sleep(50))
    if (Date.now() - started > 10_000)
      throw new EncapError(`cannot reach ${to.name} from ${from.name} after 10 s`, {
        code: 'LAB_FAILED',
        hint: `see ${runFolder(lab.name, from.node)}/agent.log`,
      });
}

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EncapError } from '../../errors.js';
import { startAgent, stopAgent, untilReady } from '../../lab/agent.js';
import { batch } from '../../lab/namespace.js';
import {
  forgetLab,
  namespaceOf,
  pinFolder,
  runFolder,
  type AgentProcess,
} from '../../lab/state.js';
import type { ScaleMetric } from './metric.js';
import type { ScaleSubject } from './subject.js';
import {
  blockCidr,
  blockResource,
  clusterResources,
  nodeAddress,
  nodeName,
  ownerOf,
  worldOf,
  type ScaleWorld,
} from './world.js';

/** How far a round goes with changes: so many, or for so long, but three at least. */
export interface Changes {
  readonly count: number;
  readonly longestMs: number;
}

/** A start of a million blocks takes minutes. */
const startMs = 900_000;
const changeMs = 300_000;
/** How long an agent has nothing to do before its memory is looked at. */
const restMs = 2000;
/** Blocks in one file: a file of resources has 16 MiB at most. */
const fileBlocks = 20_000;

/** One round of all that an agent is measured by, in a namespace of its own. */
export async function measureAgent(
  subject: ScaleSubject,
  blocks: number,
  changes: Changes,
  signal?: AbortSignal,
): Promise<readonly (readonly [ScaleMetric, number])[]> {
  const world = worldOf(blocks);
  const lab = `bench-scale-${process.pid}`;
  const [node, namespace] = [nodeName(0), namespaceOf(lab, nodeName(0))];
  const manifests = runFolder(lab, 'manifests');
  const found: (readonly [ScaleMetric, number])[] = [];
  let agent: AgentProcess | undefined;
  let made = false;
  try {
    writeManifests(manifests, world);
    await batch('ip', undefined, [`netns add ${namespace}`]);
    made = true;
    await batch('ip', namespace, [
      'link set lo up',
      'link add eth0 type veth peer name far',
      'link set far up',
      'link set eth0 up',
      `address add ${nodeAddress(0)}/${world.underlayPrefix} dev eth0`,
    ]);
    for (const start of ['start-cold', 'start-warm'] as const) {
      if (agent !== undefined) await stopAgent(agent);
      if (signal?.aborted === true) return found;
      const began = Date.now();
      const started = freshAgent(lab, node, manifests);
      agent = started;
      await untilReady(node, started, startMs);
      found.push([start, readyAt(started) - began]);
      if (start === 'start-cold') found.push(['rss-start', memory(started, 'VmRSS')]);
    }
    if (agent === undefined) return found;
    await sleep(restMs);
    found.push(['rss-steady', memory(agent, 'VmRSS')]);
    using pinned = subject.pinned(pinFolder(lab, node));
    const until = performance.now() + changes.longestMs;
    for (let change = 0; change < changes.count; change += 1) {
      if (signal?.aborted === true || (change >= 3 && performance.now() > until)) break;
      await sleep(Math.random() * 250); // not in step with the agent's own clock
      found.push(['change', await changed(pinned.peerOf, manifests, world, change)]);
    }
    found.push(['rss-peak', memory(agent, 'VmHWM')]);
    return found;
  } finally {
    if (agent !== undefined) await stopAgent(agent);
    rmSync(pinFolder(lab), { recursive: true, force: true });
    if (made) await batch('ip', undefined, [`netns delete ${namespace}`]);
    forgetLab(lab);
  }
}

/** Its log begins anew: what it says of being ready is its own. */
function freshAgent(lab: string, node: string, manifests: string): AgentProcess {
  rmSync(join(runFolder(lab, node), 'agent.log'), { force: true });
  return startAgent(lab, node, manifests);
}

/** When the agent said that it is ready, in milliseconds of the wall clock. */
function readyAt({ log }: AgentProcess): number {
  const line = readFileSync(log, 'utf8')
    .split('\n')
    .find((text) => text.includes('"msg":"ready"'));
  const { time } = JSON.parse(line ?? '{}') as { time?: string };
  return Date.parse(time ?? '');
}

/** Megabytes that a process has, or had at most. */
function memory({ pid }: AgentProcess, what: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6;
}

/** Gives the last block to another node, and waits until the map says so: milliseconds. */
async function changed(
  peerOf: (cidr: string) => number | undefined,
  manifests: string,
  world: ScaleWorld,
  change: number,
): Promise<number> {
  const block = world.blocks - 1;
  const before = peerOf(blockCidr(block));
  // never this node, and never the one that has it
  writeMoving(manifests, world, 1 + (change % 2));
  const began = performance.now();
  renameSync(join(manifests, '.moving.json'), join(manifests, moving));
  for (;;) {
    const took = performance.now() - began;
    if (peerOf(blockCidr(block)) !== before) return took;
    if (took > changeMs)
      throw new EncapError(
        `cannot measure a change: the map has not got it in ${changeMs / 1000} s`,
        {
          code: 'LAB_FAILED',
          hint: 'see what the agent says: encap run on the same files',
        },
      );
    await sleep(1);
  }
}

/** One file for the block that moves; the rest of the world in lists of JSON, which are read fastest. */
const moving = 'moving.json';

function writeMoving(manifests: string, { blocks }: ScaleWorld, node: number): void {
  writeFileSync(join(manifests, '.moving.json'), JSON.stringify(blockResource(blocks - 1, node)));
}

function writeManifests(manifests: string, world: ScaleWorld): void {
  mkdirSync(manifests, { recursive: true });
  writeList(join(manifests, 'cluster.json'), clusterResources(world));
  const last = world.blocks - 1;
  for (let first = 0; first < last; first += fileBlocks) {
    const count = Math.min(fileBlocks, last - first);
    const items = Array.from({ length: count }, (_, index) =>
      blockResource(first + index, ownerOf(first + index, world)),
    );
    writeList(join(manifests, `blocks-${String(first).padStart(8, '0')}.json`), items);
  }
  writeFileSync(join(manifests, moving), JSON.stringify(blockResource(last, 2)));
}

function writeList(file: string, items: readonly object[]): void {
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

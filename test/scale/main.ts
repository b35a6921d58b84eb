import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { median, quantile } from 'simple-statistics';
import {
  blockCidr,
  blockResource,
  clusterResources,
  nodeAddress,
  nodeName,
  ownerOf,
  worldOf,
} from '../../src/bench/scale/world.js';
import { scaleSubject } from '../../src/cli/bench-scale-subject.js';
import { main as encapMain } from '../cli/encap.js';
import type { Manifest } from '../sources/store.js';
import { ip } from '../support/network/network.js';
import { alone } from './alone.js';
import { churn } from './churn.js';
import { cpuMs, memoryMb } from './process.js';
import { stores, type Store } from './stores.js';

// `npm run bench:scale -- file|etcd|kubernetes`: what an agent needs to start from a datastore of 5,000 nodes and 100,000
// blocks, and to follow 1,000 changes a second. As root.

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    blocks: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '20' },
    rate: { type: 'string', default: '1000' },
    /** Of changes, in a second. Of files each is one; a datastore is filled by such batches too. */
    batches: { type: 'string' },
    /** It runs in namespaces of its own already. */
    alone: { type: 'boolean', default: false },
  },
});
const kind = positionals[0] ?? 'etcd';
const world = worldOf(Number(values.blocks));
const seconds = Number(values.seconds);
/** Of files fewer and larger ones: a folder is looked at as a whole for each. */
const perSecond = Number(values.batches ?? (kind === 'file' ? 5 : 20));
/** Blocks of a batch. */
const size = Math.ceil(Number(values.rate) / perSecond);

if (!Object.hasOwn(stores, kind)) {
  console.error(`no datastore is named ${kind}; there are: ${Object.keys(stores).join(', ')}`);
  process.exitCode = 2;
} else if (values.alone) {
  await measured(await filled());
  process.exit(); // and all that is in its namespaces with it
} else {
  // Building one needs the network.
  if (kind === 'kubernetes')
    spawnSync('scripts/kube-apiserver', ['get'], { stdio: ['ignore', 'ignore', 'inherit'] });
  process.exitCode = await alone('--alone');
}

async function filled(): Promise<Store> {
  ip('link', 'set', 'lo', 'up');
  ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'far');
  for (const link of ['eth0', 'far']) ip('link', 'set', link, 'up');
  ip('address', 'add', `${nodeAddress(0)}/${world.underlayPrefix}`, 'dev', 'eth0');
  const store = await stores[kind]?.(mkdtempSync(join(tmpdir(), 'encap-scale-')));
  if (store === undefined) throw new Error(`no datastore is named ${kind}`);
  await store.put(clusterResources(world) as readonly Manifest[]);
  for (let first = 0; first < world.blocks; first += size)
    await store.put(batchFrom(first, (block) => ownerOf(block, world)));
  await atRest(store);
  return store;
}

function batchFrom(first: number, owner: (block: number) => number): readonly Manifest[] {
  const length = Math.min(size, world.blocks - first);
  return Array.from({ length }, (_, index) => {
    const block = first + index;
    return blockResource(block, owner(block)) as Manifest;
  });
}

/** What was written to a datastore may keep it busy for a while. */
async function atRest({ cpuMs: used }: Store): Promise<void> {
  // An API server is never quite idle.
  for (let before = -Infinity; used !== undefined && used() - before > 250;) {
    before = used();
    await sleep(1000);
  }
}

async function measured(store: Store): Promise<void> {
  const pins = '/sys/fs/bpf/encap';
  const storeAtFirst = store.cpuMs?.() ?? 0;
  const began = performance.now();
  const agent = spawn(
    process.execPath,
    [encapMain, 'run', ...store.words, '--node', nodeName(0), '--log-format', 'json'],
    {
      env: { ...process.env, ENCAP_BPFFS: pins, ENCAP_RUN_DIR: '/run/encap' },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const pid = agent.pid ?? 0;
  let log = '';
  agent.stderr.on('data', (data: Buffer) => {
    log = (log + data.toString()).slice(-10_000);
  });
  await said(agent, () => log, '"msg":"ready"');
  const startMs = performance.now() - began;
  const startCpuMs = cpuMs(pid);
  const storeStartMs = (store.cpuMs?.() ?? 0) - storeAtFirst;
  await sleep(2000);
  const [rest, most] = [memoryMb(pid, 'VmRSS'), memoryMb(pid, 'VmHWM')];
  using pinned = scaleSubject().pinned(pins);
  const before = { agent: cpuMs(pid), store: store.cpuMs?.() ?? 0, bench: cpuMs(process.pid) };
  // The first blocks have the nodes' tunnel addresses: such ones stay with their nodes.
  const movable = Math.floor((world.blocks - world.nodes) / size);
  const firstOf = (batch: number): number => world.nodes + (batch % movable) * size;
  const { delays, looks, tookMs } = await churn({
    batches: perSecond * seconds,
    perSecond,
    last: (batch) => blockCidr(firstOf(batch) + size - 1),
    change: (batch) =>
      store.put(
        // never this node, and never the one that has it
        batchFrom(
          firstOf(batch),
          (block) => 1 + ((ownerOf(block, world) + 1 + batch) % (world.nodes - 1)),
        ),
      ),
    peerOf: pinned.peerOf,
  }).catch((cause: unknown) => {
    throw new Error(`the agent did not follow; it said last:\n${log}`, { cause });
  });
  const ofOneCore = (usedMs: number): string => `${((usedMs / tookMs) * 100).toFixed(0)} %`;
  const [now, bench] = [cpuMs(pid), cpuMs(process.pid) - before.bench];
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['datastore', kind],
    ['nodes, blocks', `${world.nodes}, ${world.blocks}`],
    ['start', ms(startMs)],
    ['its CPU time', ms(startCpuMs)],
    ["the datastore's meanwhile", store.cpuMs && ms(storeStartMs)],
    ['RSS at rest', `${rest.toFixed(0)} MB`],
    ['most RSS of the start', `${most.toFixed(0)} MB`],
    ['changes', `${((delays.length * size * 1000) / tookMs).toFixed(0)} a second`],
    ['of', `${(tookMs / 1000).toFixed(1)} s`],
    ['CPU meanwhile', `${ofOneCore(now - before.agent)} of one core`],
    ["the datastore's", store.cpuMs && `${ofOneCore(store.cpuMs() - before.store)} of one core`],
    ["the bench's own", `${ofOneCore(bench)} of one core`],
    ['RSS after it', `${memoryMb(pid, 'VmRSS').toFixed(0)} MB`],
    ['most RSS', `${memoryMb(pid, 'VmHWM').toFixed(0)} MB`],
    ['change to map, p50', ms(median([...delays]))],
    ['change to map, p99', ms(quantile([...delays], 0.99))],
    ['change to map, the longest', ms(Math.max(...delays))],
    ['looked at', `${delays.length} changes, one look each ${ms(median([...looks]))}`],
    ['longest between two looks', ms(Math.max(...looks))],
  ];
  for (const [what, value] of rows)
    if (value !== undefined) console.log(`${what.padEnd(26)} ${value}`);
}

function ms(duration: number): string {
  return `${duration.toFixed(duration < 100 ? 1 : 0)} ms`;
}

async function said(agent: ChildProcess, logOf: () => string, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    agent.stderr?.on('data', () => {
      if (logOf().includes(words)) resolve();
    });
    agent.once('exit', () => reject(new Error(`the agent ended: ${logOf()}`)));
  });
}

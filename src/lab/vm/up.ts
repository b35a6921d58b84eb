import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { EncapError } from '../../errors.js';
import { isAlive, startTime } from '../agent.js';
import { checkout } from '../checkout.js';
import { resourcesOf } from '../resources.js';
import type { AgentProcess } from '../state.js';
import {
  routersOf,
  segmentNamed,
  type Carrier,
  type LabRouter,
  type Topology,
} from '../topology.js';
import { checkRoot } from '../up.js';
import { downVm } from './down.js';
import { addressOf, execPorts, nodeScript, readyWords, routerScript } from './script.js';
import { processorSeconds } from './session.js';
import { readVmLab, vmFolder, writeVmLab, type Guest, type VmLab } from './state.js';

export interface VmUpOptions {
  /** Default: the preset's name. */
  readonly name?: string;
  /** First numbers or release of each node's kernel; of the names that are missing: `others`. */
  readonly kernels: {
    readonly others: readonly string[];
    readonly of: Readonly<Record<string, string>>;
  };
  /** Default: as the topology says. */
  readonly carriers: Readonly<Record<string, Carrier>>;
  /** Names of the nodes that are wanted; default: all. The router comes where they need one. */
  readonly nodes?: readonly string[];
  /** Calico resources; default: the topology's. */
  readonly manifests?: string;
  readonly memoryMiB: number;
  /** How long a guest may take until it is ready. */
  readonly patienceMs: number;
  readonly onStep?: (sentence: string) => void;
}

/** Builds a network of QEMU guests and waits until each is ready. */
export async function upVm(preset: string, whole: Topology, options: VmUpOptions): Promise<VmLab> {
  const { name = preset, onStep = () => undefined } = options;
  const topology = chosen(whole, options);
  const path = options.manifests ?? topology.resources;
  const resources = path === undefined ? { text: textOf(topology) } : { path: resolve(path) };
  check(name, topology, path);
  const releases = await kernelsOf(topology, options);
  const [first = ''] = releases.values();
  const accelerator = await run('accel', [join(first, 'vmlinuz')]);
  onStep(
    `kernels ${[...new Set(releases.values())].map((folder) => basename(folder)).join(', ')}; ${accelerator}`,
  );

  const planned = plan(name, preset, topology, accelerator, releases);
  writeVmLab(planned); // before the first guest: whatever happens now, `down` knows what to end
  try {
    const cables = cablesOf(topology);
    const script = { lab: name, topology, resources, serve: tool('serve') };
    const guests = planned.guests.map((guest) => ({
      ...guest,
      process: start(name, guest, {
        accelerator,
        memoryMiB: options.memoryMiB,
        nics: cables(guest.name),
        script:
          guest.role === 'router'
            ? routerScript(script, routerNamed(topology, guest.name))
            : nodeScript(script, nodeOf(topology, guest.name)),
      }),
    }));
    writeVmLab({ ...planned, guests });
    const started = Date.now();
    const ready = await Promise.all(
      guests.map(async (guest) => {
        await untilReady(guest.name, guest.process, options.patienceMs);
        const readyMs = Date.now() - started;
        onStep(`${guest.name}: ${guest.kernel}, ready after ${(readyMs / 1000).toFixed(1)} s`);
        return { ...guest, readyMs };
      }),
    );
    const lab = { ...planned, guests: ready };
    writeVmLab(lab);
    return lab;
  } catch (error) {
    if (readVmLab(name) !== undefined) await downVm(name); // `down` may have been first
    throw error;
  }
}

function tool(name: string): string {
  return join(checkout, 'scripts/vm', name);
}

/** The nodes that are wanted, with the carriers that are. */
function chosen(topology: Topology, { nodes, carriers }: VmUpOptions): Topology {
  const known = topology.nodes.map(({ name }) => name);
  const stray = [...(nodes ?? []), ...Object.keys(carriers)].find((name) => !known.includes(name));
  if (stray !== undefined)
    throw new EncapError(`cannot find ${stray} in the network`, {
      code: 'USAGE',
      hint: `it has ${known.join(', ')}`,
    });
  const wanted = topology.nodes
    .filter(({ name }) => nodes?.includes(name) ?? true)
    .map((node) => ({ ...node, carrier: carriers[node.name] ?? node.carrier }));
  // Between several routers there are subnets without nodes.
  const segments = topology.segments.filter(
    (segment) =>
      topology.routers !== undefined || wanted.some((node) => node.segment === segment.name),
  );
  return { ...topology, segments, nodes: wanted };
}

/** How many guests one command starts: each takes its memory, and without KVM most of a processor while it boots. */
const most = 12;

function textOf(topology: Topology): string {
  return resourcesOf(topology)
    .map((resource) => stringify(resource))
    .join('---\n');
}

function check(name: string, { segments, nodes }: Topology, resources: string | undefined): void {
  checkRoot('encap lab vm up');
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(name))
    throw new EncapError(`cannot name a lab ${name}`, {
      code: 'USAGE',
      hint: 'lower-case letters, digits and hyphens, 32 at most',
    });
  if (readVmLab(name) !== undefined)
    throw new EncapError(`cannot build the lab of guests ${name}: it is up already`, {
      code: 'USAGE',
      hint: `encap lab vm down ${name}, or choose another name: --name NAME`,
    });
  if (nodes.length > most)
    throw new EncapError(`cannot build a lab of ${nodes.length} guests: ${most} at most`, {
      code: 'USAGE',
      hint: 'choose some: --nodes node-a,node-b; or namespaces: encap lab up',
    });
  if (segments.some(({ loss }) => loss !== undefined))
    throw new EncapError('cannot lose packets between guests, as the network says', {
      code: 'USAGE',
      hint: 'leave `loss` out of it; or namespaces: encap lab up',
    });
  for (const path of [resources ?? tool('vmtest'), tool('vmtest')])
    if (!existsSync(path))
      throw new EncapError(`cannot read ${path}: ENOENT`, {
        code: 'FILE_UNREADABLE',
        hint: 'guests need a checkout of encapd, with scripts/vm; resources are named with -f PATH',
      });
}

/** The folder of each guest's kernel, fetched where it is not here yet. */
async function kernelsOf(
  topology: Topology,
  { kernels: { others, of } }: VmUpOptions,
): Promise<ReadonlyMap<string, string>> {
  const names = [...topology.nodes, ...routerGuests(topology)].map(({ name }) => name);
  const folders = new Map<string, string>();
  for (const [index, name] of names.entries()) {
    const wanted = of[name] ?? others[index % others.length] ?? '6.1';
    folders.set(name, await run('kernel', ['get', wanted]));
  }
  return folders;
}

/** A tool of scripts/vm, and what it says. */
async function run(name: string, args: readonly string[]): Promise<string> {
  const { failed, stdout, stderr, shortMessage } = await execa(tool(name), args, { reject: false });
  if (!failed) return stdout.trim();
  throw new EncapError(`cannot build a lab of guests: ${stderr.trim() || shortMessage}`, {
    code: 'LAB_FAILED',
    hint: 'apt install qemu-system-x86 busybox-static xz-utils zstd debian-archive-keyring',
  });
}

/** A network of one subnet needs no router. */
function routerGuests(topology: Topology): readonly LabRouter[] {
  return topology.segments.length > 1 ? routersOf(topology) : [];
}

function routerNamed(topology: Topology, name: string): LabRouter {
  const router = routersOf(topology).find((one) => one.name === name);
  if (router === undefined) throw new TypeError(`${name} is no router`);
  return router;
}

function plan(
  name: string,
  preset: string,
  topology: Topology,
  accelerator: string,
  kernels: ReadonlyMap<string, string>,
): VmLab {
  const kernel = (guest: string): string => basename(kernels.get(guest) ?? '');
  const routers = routerGuests(topology).map(({ name: router, ports }): Guest => ({
    name: router,
    role: 'router',
    kernel: kernel(router),
    addresses: ports.map(
      ({ segment, address }) => `${address}/${segmentNamed(topology, segment).prefixLength}`,
    ),
    workloads: [],
  }));
  const nodes = topology.nodes.map((node): Guest => ({
    name: node.name,
    role: 'node',
    kernel: kernel(node.name),
    carrier: node.carrier,
    addresses: [addressOf(topology, node)],
    workloads: node.workloads,
  }));
  return {
    apiVersion: 'encap/v1',
    kind: 'VmLab',
    name,
    preset,
    accelerator,
    guests: [...routers, ...nodes],
  };
}

/**
 * The interfaces of each guest, as vmtest takes them. A segment is a multicast group of this machine's loopback, of a
 * number that no other lab has: QEMU's hub for any number of guests, without a bridge and without privileges.
 */
function cablesOf(topology: Topology): (guest: string) => readonly string[] {
  const { segments, nodes } = topology;
  const [port, group] = [randomInt(20_000, 32_000), randomInt(0, 256)];
  const members = segments.map(({ name }) => [
    ...routerGuests(topology)
      .filter(({ ports }) => ports.some(({ segment }) => segment === name))
      .map((router) => router.name),
    ...nodes.filter(({ segment }) => segment === name).map((node) => node.name),
  ]);
  return (guest) =>
    members.flatMap((names, segment) => {
      const at = names.indexOf(guest);
      if (at === -1) return [];
      const mac = `52:54:00:${hex(group)}:${hex(segment)}:${hex(at + 1)}`;
      return [
        `mac=${mac},socket,mcast=239.192.${group}.${segment + 1}:${port},localaddr=127.0.0.1`,
      ];
    });
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function nodeOf({ nodes }: Topology, name: string): Topology['nodes'][number] {
  const node = nodes.find((one) => one.name === name);
  if (node === undefined) throw new TypeError(`${name} is no node`);
  return node;
}

interface Start {
  readonly accelerator: string;
  readonly memoryMiB: number;
  readonly nics: readonly string[];
  readonly script: string;
}

/** Starts a guest in a session of its own, which outlives this command. */
function start(
  lab: string,
  guest: Guest,
  { accelerator, memoryMiB, nics, script }: Start,
): AgentProcess {
  const folder = vmFolder(lab, guest.name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const log = join(folder, 'log');
  const output = openSync(log, 'a');
  const args = [
    ...['--kernel', guest.kernel, '--accel', accelerator, '--memory', String(memoryMiB)],
    ...['--cpus', '1', '--timeout', String(7 * 24 * 3600)],
    ...['--klog', kernelLog(log)],
    ...nics.flatMap((nic) => ['--nic', nic]),
    ...execPorts.flatMap((port) => ['--port', `${port}=${join(folder, `${port}.sock`)}`]),
    ...['--', 'bash', '-c', script],
  ];
  const child = spawn(tool('vmtest'), args, { detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  child.unref();
  const startedAt = child.pid === undefined ? undefined : startTime(child.pid);
  if (child.pid === undefined || startedAt === undefined)
    throw new EncapError(`cannot start the guest ${guest.name}: it ended at once`, {
      code: 'LAB_FAILED',
      hint: `see ${log}`,
    });
  return { pid: child.pid, startedAt, log };
}

/**
 * Waits until the guest's script says so; a guest that ends instead is a failure. Its log has what its agent said too,
 * who takes some 40 s of a processor to its first word where all is emulated.
 */
export async function untilReady(
  name: string,
  guest: AgentProcess,
  patienceMs: number,
): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (textIn(guest.log)?.includes(readyWords) !== true) {
    if (!existsSync(guest.log))
      throw new EncapError(`cannot start the guest ${name}: its lab was taken down meanwhile`, {
        code: 'LAB_FAILED',
        hint: 'encap lab vm up once more, if that was not meant',
      });
    const ended = !isAlive(guest);
    if (ended || Date.now() > deadline)
      throw new EncapError(
        `cannot start the guest ${name}: ${ended ? 'it ended' : `not ready after ${patienceMs / 1000} s, with ${processorSeconds(guest.pid).toFixed(0)} s of a processor`}`,
        {
          code: 'LAB_FAILED',
          why: lastWords(guest.log),
          hint: 'by hand: scripts/vm/vmtest --kernel 6.1 --verbose -- uname -a',
        },
      );
    await sleep(50);
  }
}

/** Its own, or those of its kernel, which come first. */
function lastWords(log: string): string {
  const said = [log, kernelLog(log)]
    .map((file) => textIn(file)?.trimEnd())
    .find((text) => text !== undefined && text !== '');
  return said?.split('\n').slice(-12).join('\n') ?? 'neither it nor its kernel has said anything';
}

/** undefined: there is no such file, or none any more. */
function textIn(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What the guest's kernel said, beside what its script did. */
function kernelLog(log: string): string {
  return `${log}.kernel`;
}

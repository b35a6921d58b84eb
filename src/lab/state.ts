import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EncapError } from '../errors.js';
import type { Carrier, Topology } from './topology.js';

/** A lab as it stands: what `encap lab up --json` prints and /run/encap-lab/<name>.json keeps. */
export interface Lab {
  readonly apiVersion: 'encap/v1';
  readonly kind: 'Lab';
  readonly name: string;
  readonly preset: string;
  /** The files or folder that the agents read and watch. */
  readonly manifests: string;
  readonly namespaces: readonly LabNamespace[];
  readonly nodes: readonly RunningNode[];
  readonly topology: Topology;
}

export interface LabNamespace {
  readonly name: string;
  readonly role: 'router' | 'node' | 'workload';
  /** The node that this namespace is, or that its workload runs on. */
  readonly node?: string;
  readonly workload?: string;
  readonly interfaces: readonly LabInterface[];
}

export interface LabInterface {
  readonly name: string;
  readonly kind: string;
  readonly mac: string;
  readonly mtu: number;
  /** With prefix length. */
  readonly addresses: readonly string[];
}

export interface RunningNode {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly carrier: Carrier;
  readonly agent?: AgentProcess;
}

/** An agent of a lab. The start time tells it from a later process that got the same id. */
export interface AgentProcess {
  readonly pid: number;
  readonly startedAt: string;
  readonly log: string;
}

const root = '/run/encap-lab';
const pinRoot = '/sys/fs/bpf/encap-lab';

/** Run-time folder of a lab; each node has one of its own in it. */
export function runFolder(lab: string, node = ''): string {
  return join(root, lab, node);
}

/** Where the agents of a lab pin; each node has a folder of its own in it. */
export function pinFolder(lab: string, node = ''): string {
  return join(pinRoot, lab, node);
}

/** Every name that a lab gives to a namespace begins like this. */
export function namespaceOf(lab: string, part = ''): string {
  return `encap-${lab}-${part}`;
}

export function readLab(name: string): Lab | undefined {
  try {
    return JSON.parse(readFileSync(stateFile(name), 'utf8')) as Lab;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new EncapError(`cannot read the lab ${name}: ${(cause as Error).message}`, {
      code: 'LAB_FAILED',
      hint: `remove it: encap lab down ${name}`,
      place: { file: stateFile(name) },
      cause,
    });
  }
}

/** The lab of this name, or the only one there is. */
export function findLab(name: string | undefined): Lab {
  const names = labNames();
  const [only] = names;
  const wanted = name ?? (names.length === 1 ? only : undefined);
  if (wanted === undefined)
    throw new EncapError(
      names.length === 0
        ? 'cannot find a lab: none is up'
        : `cannot choose a lab: ${names.join(', ')} are up`,
      {
        code: 'USAGE',
        hint: names.length === 0 ? 'start one: encap lab up crosssubnet' : 'name one: --name NAME',
      },
    );
  const lab = readLab(wanted);
  if (lab === undefined)
    throw new EncapError(`cannot find the lab ${wanted}: it is not up`, {
      code: 'USAGE',
      hint: names.length === 0 ? 'start one: encap lab up crosssubnet' : `up: ${names.join(', ')}`,
    });
  return lab;
}

export function labNames(): readonly string[] {
  try {
    return readdirSync(root)
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export function writeLab(lab: Lab): void {
  mkdirSync(root, { recursive: true });
  const file = stateFile(lab.name);
  writeFileSync(`${file}.new`, `${JSON.stringify(lab, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** Forgets a lab; the folder goes with the last one. */
export function forgetLab(name: string): void {
  rmSync(stateFile(name), { force: true });
  rmSync(runFolder(name), { recursive: true, force: true });
  if (readdirSync(root).length === 0) rmdirSync(root);
}

function stateFile(name: string): string {
  return join(root, `${name}.json`);
}

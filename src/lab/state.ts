import { join } from 'node:path';
import type { Machine } from './machine.js';
import { stateFiles } from './state-files.js';
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
  /** This machine before the lab: what `down` compares with. */
  readonly machine?: Machine;
  /** Names of faults that were made (`encap lab break`) and not mended. */
  readonly broken?: readonly string[];
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

export const {
  folder: runFolder,
  names: labNames,
  read: readLab,
  find: findLab,
  write: writeLab,
  forget: forgetLab,
} = stateFiles<Lab>({
  root: '/run/encap-lab',
  mode: 0o755,
  noun: 'lab',
  start: 'encap lab up crosssubnet',
  cure: (name) => `remove it: encap lab down ${name}`,
});

const pinRoot = '/sys/fs/bpf/encap-lab';

/** Where the agents of a lab pin; each node has a folder of its own in it. */
export function pinFolder(lab: string, node = ''): string {
  return join(pinRoot, lab, node);
}

/** Every name that a lab gives to a namespace begins like this. */
export function namespaceOf(lab: string, part = ''): string {
  return `encap-${lab}-${part}`;
}

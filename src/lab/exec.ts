import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { encap, nodeEnvironment } from './agent.js';
import { endpoint, type Endpoint } from './endpoint.js';
import { inside } from './namespace.js';
import { findLab, type Lab } from './state.js';

/**
 * Runs a command on a node or in a workload of a lab, on this terminal; gives back its exit code.
 * `encap` is this one, wherever it lies, and on a node it speaks to that node's agent.
 */
export async function exec(
  where: string,
  command: readonly string[],
  name?: string,
): Promise<number> {
  const lab = findLab(name);
  const at = endpoint(lab, where);
  const [word, ...rest] = command;
  const [file, ...args] = inside(at.namespace, word === 'encap' ? encap(...rest) : command);
  const { exitCode, signal } = await execa(file, args, {
    stdio: 'inherit',
    reject: false,
    env: environmentOf(lab, at),
  });
  return exitCode ?? (signal === 'SIGINT' ? 130 : 143);
}

/**
 * A shell there, until it ends. A folder before its PATH has `encap`, however this one was started.
 */
export async function shell(where: string, name?: string): Promise<number> {
  const bin = mkdtempSync(join(tmpdir(), 'encap-shell-'));
  try {
    const [node, main] = encap();
    writeFileSync(join(bin, 'encap'), `#!/bin/sh\nexec '${node}' '${String(main)}' "$@"\n`, {
      mode: 0o755,
    });
    const path = `PATH=${bin}:${process.env['PATH'] ?? ''}`;
    return await exec(where, ['env', path, process.env['SHELL'] ?? 'bash'], name);
  } finally {
    rmSync(bin, { recursive: true });
  }
}

/** What a command must know to speak to the agent of the node that it runs on, and to read the same resources. */
export function environmentOf(lab: Lab, { node }: Endpoint): Readonly<Record<string, string>> {
  return { ...nodeEnvironment(lab.name, node), ENCAP_CONFIG: lab.manifests, ENCAP_NODE: node };
}

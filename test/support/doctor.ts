import { encap, nodeEnvironment } from '../../src/lab/agent.js';
import { runInside, type Outcome } from '../../src/lab/namespace.js';
import { namespaceOf, type Lab } from '../../src/lab/state.js';
import type { Finding } from '../../src/doctor/finding.js';

/** What a doctor on a node found: by their ids, and all in words. */
export interface Diagnosed {
  readonly findings: readonly Finding[];
  readonly code: number | undefined;
  readonly text: string;
}

/** Asks the doctor of a node, who knows the lab's resources. */
export async function doctor(
  lab: Lab,
  node: string,
  ...words: readonly string[]
): Promise<Diagnosed> {
  return diagnosed(await ask(lab, node, words));
}

/** Reads what `encap doctor -o json` said. */
export function diagnosed({ stdout, stderr, exitCode }: Outcome): Diagnosed {
  if (stdout === '') throw new Error(`the doctor says nothing: ${stderr}`);
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  const said = findings.map(({ id, severity, seen }) => `${severity} ${id}: ${seen}`);
  return { findings, code: exitCode, text: `${said.join('\n')}\n${stderr}` };
}

/** `encap doctor` or another verb on a node, with the lab's resources, in JSON. */
export function ask(
  lab: Lab,
  node: string,
  words: readonly string[],
  verb = 'doctor',
): Promise<Outcome> {
  const resources = ['-f', lab.manifests, '--node', node];
  return runInside(namespaceOf(lab.name, node), encap(verb, ...words, ...resources, '-o', 'json'), {
    env: nodeEnvironment(lab.name, node),
  });
}

/** Each once, by the alphabet. */
export function idsOf(findings: readonly Finding[]): readonly Finding['id'][] {
  return [...new Set(findings.map(({ id }) => id))].sort();
}

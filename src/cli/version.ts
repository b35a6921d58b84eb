import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { examplesOf } from './examples.js';
import { print } from './output.js';
import { sessionOf } from './session.js';

/** `encap version`: works everywhere, the addon built or not. */
export function define(command: Command): void {
  examplesOf(command, [['encap version -o json', 'for a bug report']]).action(async () => {
    const document = {
      apiVersion: 'encap/v1',
      kind: 'Version',
      version: await ownVersion(),
      node: process.versions.node,
      kernel: release(),
      libbpf: await libbpf(),
    };
    await print(sessionOf(command), {
      document,
      text: () =>
        [
          `encap    ${document.version}`,
          `node     ${document.node}`,
          `kernel   ${document.kernel}`,
          `libbpf   ${document.libbpf ?? 'not built here: npm run build -w addon'}`,
        ].join('\n'),
      names: () => [document.version],
    });
  });
}

export async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** null: the addon is not built on this machine; validate, plan and explain do without it. */
async function libbpf(): Promise<string | null> {
  try {
    return (await import('libbpf-ts')).libbpfVersion();
  } catch {
    return null;
  }
}

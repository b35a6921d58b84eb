import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { load } from '../support/load.js';
import { compile, root, whyNoCompiler, whyNoPrograms } from '../support/object.js';

/** The last helper of 5.10, bpf_redirect_peer: what comes behind it needs a guard. */
const lastOf510 = 155;

/** Helpers that only newer kernels have, and the configuration that keeps the verifier off them. */
const guarded: Readonly<Record<string, string>> = { bpf_check_mtu: 'config.check_mtu' };

const sources = readdirSync(join(root, 'bpf'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.[ch]$/.test(name))
  .map((name) => readFileSync(join(root, 'bpf', name), 'utf8'));

function loads(t: ExecutionContext, cpu: 'v2' | 'v3'): void {
  const missing = whyNoCompiler();
  if (missing !== undefined) return skip(t, missing);
  const file = compile(cpu);
  // the verifier sees other branches with each configuration
  for (const check of ['off', 'pool', 'strict'] as const)
    for (const checkMtu of [0, 1]) {
      const changes = { sourceCheck: check, destinationCheck: check, checkMtu };
      using object = load('a', changes, file).object;
      t.deepEqual([...object.programNames].sort(), [
        'encapd_cutter',
        'encapd_egress',
        'encapd_ingress',
      ]);
    }
}

function skip(t: ExecutionContext, why: string): void {
  t.log(`skipped: ${why}`);
  t.pass();
}

test('the programs compile without a warning and load, as BPF v3', loads, 'v3');
test('the same as BPF v2, where packet pointers are easily broken', loads, 'v2');

/** A tenth of what it would follow. Before 6.4 it forgets less of what it has seen: 54,000 on 6.1, 23,000 on 6.18. */
const patience = 100_000;

test('the verifier is done in 100,000 instructions', (t) => {
  const missing = whyNoPrograms();
  if (missing !== undefined) return skip(t, missing);
  using object = load('a').object;
  for (const name of object.programNames) {
    const { verifiedInstructions } = object.program(name).info;
    if (verifiedInstructions === 0) return skip(t, 'this kernel does not say (Linux 5.16)');
    t.log(`${name}: ${verifiedInstructions}`);
    t.true(verifiedInstructions < patience, name);
  }
});

test('no helper is called that 5.10 lacks, but behind its guard', (t) => {
  const header = '/usr/include/bpf/bpf_helper_defs.h';
  if (!existsSync(header)) return skip(t, `${header} is missing: install libbpf-dev`);
  const known = new Map(
    [...readFileSync(header, 'utf8').matchAll(/\(\*(bpf_\w+)\)\(.*?= \(void \*\) (\d+);/g)].map(
      ([, name, id]) => [name, Number(id)],
    ),
  );
  const called = new Set(
    sources.flatMap((text) => [...text.matchAll(/\b(bpf_\w+)\(/g)].map(([, name]) => name ?? '')),
  );
  const newer = [...called].filter((name) => (known.get(name) ?? 0) > lastOf510);
  t.deepEqual(newer, Object.keys(guarded));
  for (const guard of Object.values(guarded))
    t.true(sources.some((text) => text.includes(`if (!${guard})`)));
  t.true(known.has('bpf_redirect_neigh') && called.has('bpf_redirect_neigh'));
});

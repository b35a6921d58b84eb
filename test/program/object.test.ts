import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { whyNoFlowLookup } from '../support/conntrack.js';
import { load } from '../support/load.js';
import { programFiles, type ProgramFile } from '../../src/datapath/compile.js';
import { compile, datapathObject, root, whyNoCompiler, whyNoPrograms } from '../support/object.js';

/** The last helper of 5.10, bpf_redirect_peer: what comes behind it needs a guard. */
const lastOf510 = 155;

/** Helpers that only newer kernels have, and the configuration that keeps the verifier off them. */
const guarded: Readonly<Record<string, string>> = { bpf_check_mtu: 'config.check_mtu' };

const sources = readdirSync(join(root, 'bpf'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.[ch]$/.test(name))
  .map((name) => readFileSync(join(root, 'bpf', name), 'utf8'));

function loads(t: ExecutionContext, cpu: 'v2' | 'v3', program: ProgramFile): void {
  const missing = whyNoCompiler() ?? whyNotLoaded(program);
  if (missing !== undefined) return skip(t, missing);
  const file = compile(cpu, program);
  // the verifier sees other branches with each configuration
  for (const check of ['off', 'pool', 'strict'] as const)
    for (const checkMtu of [0, 1])
      for (const fast of modes[program]) {
        const changes = { sourceCheck: check, destinationCheck: check, checkMtu, fast };
        using object = load('a', changes, file).object;
        t.deepEqual([...object.programNames].sort(), programs[program]);
      }
}

const modes = { encapd: ['never'], encapd_fast: ['guarded', 'always'] } as const;

const programs = {
  encapd: ['encapd_backstop', 'encapd_cutter', 'encapd_egress', 'encapd_ingress'],
  encapd_fast: [
    'encapd_backstop',
    'encapd_cutter',
    'encapd_egress',
    'encapd_ingress',
    'encapd_workload',
  ],
};

function whyNotLoaded(program: ProgramFile): string | undefined {
  return program === 'encapd' ? undefined : whyNoFlowLookup();
}

function skip(t: ExecutionContext, why: string): void {
  t.log(`skipped: ${why}`);
  t.pass();
}

test('the programs compile without a warning and load, as BPF v3', loads, 'v3', 'encapd');
test('the same as BPF v2, where packet pointers are easily broken', loads, 'v2', 'encapd');
test('those with shortcuts compile and load, as BPF v3', loads, 'v3', 'encapd_fast');
test('and as BPF v2', loads, 'v2', 'encapd_fast');

/** A seventh of what it would follow. Before 6.4 it forgets less of what it has seen: encapd_workload has 130,000 on 6.1, 20,000 on 6.18. */
const patience = 150_000;

for (const program of programFiles)
  test(`the verifier is done with ${program} in 150,000 instructions`, (t) => {
    const missing = whyNoPrograms() ?? whyNotLoaded(program);
    if (missing !== undefined) return skip(t, missing);
    const [fast] = modes[program];
    using object = load('a', { fast }, datapathObject(program)).object;
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

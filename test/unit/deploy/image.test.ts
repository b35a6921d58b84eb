import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../../cli/encap.js';
import { deployFile } from './kustomize.js';

// No linter of Dockerfiles is in Debian; these are the rules of hadolint that matter here, and what is ours alone.

interface Instruction {
  readonly word: string;
  readonly text: string;
}

/** One for each logical line, without comments. */
const instructions: readonly Instruction[] = deployFile('Dockerfile')
  .replaceAll(/^\s*#.*\n/gm, '')
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .flatMap((line) => {
    const [, word, text] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return word === undefined || text === undefined ? [] : [{ word, text }];
  });

const last = instructions.findLastIndex(({ word }) => word === 'FROM');
const final = instructions.slice(last);

function installed(stage: readonly Instruction[]): readonly string[] {
  return stage.flatMap(({ text }) => {
    const [, names = ''] =
      /apt-get install -y --no-install-recommends\s+([^&]+)&&/.exec(text) ?? [];
    return names.trim().split(/\s+/).filter(Boolean);
  });
}

test('each line is an instruction that Docker knows', (t) => {
  const known = /^(ARG|FROM|ENV|RUN|WORKDIR|COPY|USER|STOPSIGNAL|ENTRYPOINT|CMD)$/;
  for (const { word } of instructions) t.regex(word, known);
  t.true(instructions.length > 15);
});

test('the last stage has what the addon is linked to, and nothing that builds', (t) => {
  const names = installed(final);
  for (const name of ['iproute2', 'libbpf1', 'libmnl0', 'nodejs'])
    t.true(names.includes(name), name);
  t.deepEqual(
    names.filter((name) => /clang|g\+\+|gcc|make|npm|-dev$/.test(name)),
    [],
  );
});

test('the build stage has what the bootstrap would install to build and package', async (t) => {
  const { needs } = (await import(join(root, 'scripts/bootstrap/packages.cjs'))) as {
    needs: Record<string, readonly (readonly unknown[])[]>;
  };
  const names = installed(instructions.slice(0, last));
  for (const [name] of [...(needs.build ?? []), ...(needs.package ?? [])])
    t.true(names.includes(String(name)), String(name));
});

test('packages come without what they recommend, and their lists go in the same layer', (t) => {
  const runs = instructions.filter(({ word, text }) => word === 'RUN' && text.includes('apt-get'));
  t.is(runs.length, 2);
  for (const { text } of runs) {
    t.regex(text, /^apt-get update\s+&& apt-get install -y --no-install-recommends/);
    t.regex(text, /&& rm -rf \/var\/lib\/apt\/lists\/\*$/);
  }
});

test('stages that are copied from are there, and every base has a tag', (t) => {
  const stages = instructions.flatMap(({ word, text }) => {
    const name = word === 'FROM' ? / AS (\w+)$/.exec(text)?.[1] : undefined;
    return name === undefined ? [] : [name];
  });
  for (const { word, text } of instructions)
    if (word === 'COPY' && text.startsWith('--from='))
      t.true(stages.includes(/^--from=(\w+) /.exec(text)?.[1] ?? ''));
  const base = instructions.find(({ word, text }) => word === 'ARG' && text.startsWith('BASE='));
  t.regex(base?.text ?? '', /^BASE=\w+:[\w-]+$/);
  for (const { word, text } of instructions) if (word === 'FROM') t.regex(text, /^\$\{BASE\}/);
});

test('the command is an array: signals reach the agent, and no shell is between', (t) => {
  const of = (word: string): unknown =>
    JSON.parse(final.find((instruction) => instruction.word === word)?.text ?? 'null');
  t.deepEqual(of('ENTRYPOINT'), ['/usr/local/bin/encap']);
  t.deepEqual(of('CMD'), ['run']);
});

test('what is built here is not sent along: the image builds its own', (t) => {
  t.true(existsSync(join(root, 'deploy/Dockerfile.dockerignore')));
  const ignored = deployFile('Dockerfile.dockerignore').split('\n');
  for (const name of ['**/node_modules', '**/dist', '**/build']) t.true(ignored.includes(name));
});

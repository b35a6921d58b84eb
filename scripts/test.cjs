'use strict';
// `npm test`: the rings one after the other, what failed, what was skipped and why, and one closing line.

const { spawn, spawnSync } = require('node:child_process');
const { existsSync, readdirSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { runKernels } = require('./kernels.cjs');
const { leftovers } = require('./leftovers.cjs');
const { tapReader } = require('./tap.cjs');

const root = resolve(__dirname, '..');
const guestTests = process.env.ENCAP_GUEST_TESTS;
const isRoot = process.geteuid() === 0;
const skipsFail = process.env.CI === 'true' || process.env.ENCAP_REQUIRE_KERNEL === '1';

const needsRoot = 'files of tests: network namespaces and eBPF need root';

/**
 * Innermost first; `below`: folders of dist/test. `serial`: one file at a time, for what shares the kernel.
 * `seldom`: in CI, or by name. `build` comes before (with `slowBuild` it says how far it is), and `command` runs ava's
 * arguments in its place.
 * `inGuests`: these rings, in guests with other kernels; `kernels:6.18,7.3` names the kernels. There everything
 * takes ten times as long, so of a ring with `ofKernel` only those files run, what kernels may differ in, if
 * ENCAP_GUEST_TESTS is not all; where nobody names kernels, of those between the oldest and the newest only `between`.
 */
const rings = [
  { name: 'unit', needsRoot: false, below: ['unit', 'support', '.'] },
  { name: 'sources', needsRoot: false, below: ['sources'] },
  { name: 'addon', needsRoot: true, cwd: 'addon', below: [''] },
  {
    name: 'program',
    needsRoot: true,
    below: ['program'],
    between: ['carried', 'object', 'roundtrip', 'verdict'],
  },
  {
    name: 'kernel',
    needsRoot: true,
    serial: true,
    below: ['kernel'],
    ofKernel: ['datapath-traffic', 'nested', 'offloads', 'path-mtu', 'sctp', 'wire'],
    between: ['offloads', 'wire'],
  },
  { name: 'cli', needsRoot: false, below: ['cli'] },
  {
    name: 'asan',
    needsRoot: true,
    seldom: true,
    cwd: 'addon',
    below: [''],
    build: ['npm', 'run', 'build:asan'],
    command: './test/asan.sh',
  },
  {
    name: 'k8s',
    needsRoot: false,
    seldom: true,
    serial: true,
    below: ['k8s'],
    build: ['scripts/kube-apiserver', 'get'],
    slowBuild: true,
  },
  { name: 'kernels', needsRoot: true, seldom: true, inGuests: ['program', 'kernel'], below: [] },
];

main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});

/** Runs the rings that were named, or all; gives back the exit code. */
async function main(names) {
  const asked = new Map(names.map((name) => name.split(':')));
  const chosen = rings.filter(({ name, seldom }) =>
    asked.size === 0 ? !seldom || process.env.CI === 'true' : asked.has(name),
  );
  if (chosen.length === 0) {
    console.error(`usage: node scripts/test.cjs [${rings.map(({ name }) => name).join('|')}]...`);
    return 2;
  }
  const total = { passed: 0, failed: 0, skipped: new Map() };
  const before = isRoot ? leftovers() : [];
  for (const ring of chosen) {
    const started = Date.now();
    const result =
      !isRoot && ring.needsRoot
        ? withoutRoot(ring)
        : ring.inGuests
          ? await runInGuests(ring, asked.get(ring.name)?.split(','))
          : await runRing(ring);
    if (!ring.inGuests) report(ring, result, Date.now() - started);
    total.passed += result.passed;
    total.failed += result.failures.length;
    for (const [reason, count] of result.skipped)
      total.skipped.set(reason, (total.skipped.get(reason) ?? 0) + count);
  }
  if (isRoot) {
    const left = leftovers().filter((what) => !before.includes(what));
    console.log(left.length === 0 ? 'ok   nothing is left behind' : 'FAIL left behind by a test:');
    for (const what of left) console.log(`       ${what}`);
    if (left.length === 0) total.passed += 1;
    else total.failed += 1;
  }
  return close(total);
}

/** Prints the reasons and the closing line; other tools read that line. */
function close({ passed, failed, skipped }) {
  for (const [reason, count] of skipped) console.log(`${count} skipped: ${reason}`);
  const rootless = skipsFail && skipped.has(needsRoot);
  if (rootless) console.log('FAIL here everything has to run: CI or ENCAP_REQUIRE_KERNEL is set');
  console.log(`${passed} passed, ${failed} failed, ${countOf(skipped)} skipped`);
  return failed > 0 || rootless ? 1 : 0;
}

/** How many tests a ring has is known only by running it; its files are counted instead. */
function withoutRoot(ring) {
  const count = filesOf(ring).length;
  return { passed: 0, failures: [], skipped: new Map(count > 0 ? [[needsRoot, count]] : []) };
}

/** Other rings, in guests. */
function runInGuests({ inGuests }, kernels) {
  return runKernels({
    kernels,
    rings: rings
      .filter(({ name }) => inGuests.includes(name))
      .map((ring) =>
        guestTests === 'all' ? { ...ring, between: undefined } : { ...ring, only: ring.ofKernel },
      ),
    runIn: runRing,
    tell: report,
  });
}

/** ava on the compiled tests of one ring, its TAP read as it comes; `wrap` may put it elsewhere. */
function runRing(ring, wrap = (words) => words) {
  const cwd = join(root, ring.cwd ?? '');
  const files = filesOf(ring);
  if (files.length === 0)
    return { passed: 0, failures: [{ title: `no compiled tests in ${cwd}` }], skipped: new Map() };
  const [tool, ...toolArgs] = ring.build ?? ['true'];
  const stderr = ring.slowBuild ? 'inherit' : 'pipe';
  const stdio = ['ignore', 'pipe', stderr];
  const built = spawnSync(tool, toolArgs, { cwd, encoding: 'utf8', stdio });
  if (built.status !== 0) {
    const detail = built.stderr ?? undefined;
    const failure = { title: `${tool} ${toolArgs.join(' ')} failed`, detail };
    return { passed: 0, failures: [failure], skipped: new Map() };
  }
  const ava = join(root, 'node_modules/ava/entrypoints/cli.mjs');
  const ofAva = ['--tap', ...(ring.serial ? ['--serial', '--concurrency=1'] : []), ...files];
  const words = ring.command ? [ring.command] : [process.execPath, ava];
  const [command, ...args] = wrap([...words, ...ofAva]);
  const reader = tapReader();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.setEncoding('utf8').on('data', reader.read);
    child.stderr.setEncoding('utf8').on('data', reader.readError);
    child.once('error', reject);
    child.once('close', (code) => resolve(reader.end(code)));
  });
}

/** The compiled test files of a ring; `.` is dist/test itself without its folders. */
function filesOf({ cwd = '', below, only }) {
  const base = join(root, cwd, 'dist/test');
  return below.flatMap((folder) => {
    const from = join(base, folder);
    if (!existsSync(from)) return [];
    return readdirSync(from, { recursive: folder !== '.' })
      .filter((name) => name.endsWith('.test.js'))
      .filter((name) => only === undefined || only.includes(name.slice(0, -'.test.js'.length)))
      .map((name) => join('dist/test', folder, name))
      .sort();
  });
}

function report({ name, serial }, { passed, failures, skipped, filesMs }, ms) {
  const word = failures.length > 0 ? 'FAIL' : 'ok  ';
  console.log(
    `${word} ${name.padEnd(8)} ${passed} passed, ${failures.length} failed, ${countOf(skipped)} skipped  (${(ms / 1000).toFixed(1)} s)`,
  );
  if (serial && filesMs) console.log(`     slowest: ${slowest(filesMs)}`);
  for (const { title, detail } of failures) {
    console.log(`\n     ${title}`);
    for (const line of (detail ?? '').split('\n').filter(Boolean)) console.log(`       ${line}`);
  }
  if (failures.length > 0) console.log('');
}

/** Where the time goes. */
function slowest(filesMs) {
  return [...filesMs]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 8)
    .map(([file, ms]) => `${file} ${(ms / 1000).toFixed(0)} s`)
    .join(', ');
}

function countOf(skipped) {
  return [...skipped.values()].reduce((sum, count) => sum + count, 0);
}

'use strict';
// `npm test`: the rings one after the other, what failed, what was skipped and why, and one closing line.

const { spawn, spawnSync } = require('node:child_process');
const { existsSync, readdirSync } = require('node:fs');
const { basename, join, resolve } = require('node:path');
const { endsWithUs } = require('./children.cjs');
const { runKernels } = require('./kernels.cjs');
const { leftovers } = require('./leftovers.cjs');
const { tapReader } = require('./tap.cjs');

const root = resolve(__dirname, '..');
const guestTests = process.env.ENCAP_GUEST_TESTS;
const isRoot = process.geteuid() === 0;
const skipsFail = process.env.CI === 'true' || process.env.ENCAP_REQUIRE_KERNEL === '1';

const needsRoot = 'files of tests: network namespaces and eBPF need root';

/**
 * Innermost first; `below`: folders of dist/test. `serial`: one file at a time, for what shares the kernel. `timed`: what
 * they see depends on how busy the machine is, or on the files beside them. `lanes`: so many files at a time all the same,
 * of tests that mostly wait; those that measure run `alone`.
 * `seldom`: in CI, or by name; `byName`: in CI neither. `build` comes before (with `slowBuild` it says how far it is), and
 * `command` runs ava's arguments in its place.
 * `inGuests`: these rings, in guests with other kernels; `kernels:6.18,7.3` names the kernels. There everything
 * takes ten times as long, so of a ring with `ofKernel` only those files run, what kernels may differ in, if
 * ENCAP_GUEST_TESTS is not all; where nobody names kernels, some of them on each, `unnamed`: all would take an hour.
 */
const rings = [
  { name: 'unit', needsRoot: false, below: ['unit', 'support', '.'] },
  { name: 'sources', needsRoot: false, timed: true, below: ['sources'] },
  { name: 'addon', needsRoot: true, timed: true, cwd: 'addon', below: [''] },
  {
    name: 'program',
    needsRoot: true,
    timed: true,
    below: ['program'],
    unnamed: {
      '5.10': ['carried', 'object', 'roundtrip', 'verdict'],
      6.1: ['object', 'verdict'],
      6.12: ['carried', 'object', 'roundtrip', 'verdict'],
    },
  },
  {
    name: 'kernel',
    needsRoot: true,
    serial: true,
    timed: true,
    lanes: 2,
    alone: ['bench', 'bench-scale', 'bench-ssh', 'load', 'telemetry'],
    below: ['kernel'],
    ofKernel: [
      'datapath-traffic',
      'doctor-firewall',
      'nested',
      'offloads',
      'path-mtu',
      'sctp',
      'takeover-tunl0',
      'uplinks',
      'wire',
    ],
    unnamed: {
      '5.10': ['takeover-tunl0', 'wire'],
      6.1: ['sctp', 'wire'],
      6.12: ['takeover-tunl0', 'uplinks', 'wire'],
    },
  },
  {
    name: 'faults',
    needsRoot: true,
    serial: true,
    timed: true,
    lanes: 2,
    alone: ['all-k', 'flat', 'load'],
    below: ['faults'],
  },
  { name: 'cli', needsRoot: false, timed: true, below: ['cli'] },
  {
    name: 'asan',
    needsRoot: true,
    seldom: true,
    timed: true,
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
    timed: true,
    below: ['k8s'],
    build: ['scripts/kube-apiserver', 'get'],
    slowBuild: true,
  },
  { name: 'lab', needsRoot: true, seldom: true, serial: true, timed: true, below: ['lab'] },
  { name: 'vm', needsRoot: true, seldom: true, serial: true, timed: true, below: ['vm'] },
  { name: 'scale', needsRoot: true, byName: true, serial: true, timed: true, below: ['scale'] },
  { name: 'kernels', needsRoot: true, seldom: true, inGuests: ['program', 'kernel'], below: [] },
];

main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});

/** Runs the rings that were named, or all; gives back the exit code. */
async function main(names) {
  const asked = new Map(names.map((name) => name.split(':')));
  const chosen = rings.filter(({ name, seldom, byName }) =>
    asked.size === 0 ? !byName && (!seldom || process.env.CI === 'true') : asked.has(name),
  );
  if (chosen.length === 0) {
    console.error(`usage: node scripts/test.cjs [${rings.map(({ name }) => name).join('|')}]...`);
    return 2;
  }
  const total = { passed: 0, failures: [], unsteady: [], skipped: new Map() };
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
    for (const kind of ['failures', 'unsteady'])
      for (const one of result[kind] ?? []) total[kind].push({ ring: ring.name, ...one });
    total.skipped = sumOf([total.skipped, result.skipped]);
  }
  if (isRoot) {
    const left = leftovers().filter((what) => !before.includes(what));
    console.log(left.length === 0 ? 'ok   nothing is left behind' : 'FAIL left behind by a test:');
    for (const what of left) console.log(`       ${what}`);
    if (left.length === 0) total.passed += 1;
    else total.failures.push({ ring: 'all', title: 'left behind', detail: left.join('\n') });
  }
  return close(total);
}

/** Lines of a failure that its repetition at the end has: who reads a log from its end finds the rest by the title. */
const repeatedLines = 12;

/** Prints the reasons, once more what failed, and the closing line; other tools read that line. */
function close({ passed, failures, unsteady, skipped }) {
  for (const [reason, count] of skipped) console.log(`${count} skipped: ${reason}`);
  const rootless = skipsFail && skipped.has(needsRoot);
  if (rootless) console.log('FAIL here everything has to run: CI or ENCAP_REQUIRE_KERNEL is set');
  if (unsteady.length > 0) console.log(`${unsteady.length} unsteady: failed, then passed alone`);
  for (const one of unsteady) repeat('    ', one);
  for (const one of failures) repeat('FAIL', one);
  console.log(`${passed} passed, ${failures.length} failed, ${countOf(skipped)} skipped`);
  return failures.length > 0 || rootless ? 1 : 0;
}

function repeat(word, { ring, title, detail }) {
  console.log(`${word} ${ring}: ${title}`);
  for (const line of (detail ?? '').split('\n').filter(Boolean).slice(0, repeatedLines))
    console.log(`       ${line}`);
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
      .map((ring) => ({ ...ring, lanes: undefined })) // a guest is the processor's, and a file would be a boot
      .map((ring) =>
        guestTests === 'all' ? { ...ring, unnamed: undefined } : { ...ring, only: ring.ofKernel },
      ),
    runIn: runRing,
    tell: report,
  });
}

/** The compiled tests of one ring; `wrap` may put the command elsewhere. */
async function runRing(ring, wrap = (words) => words) {
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
  const result = await runFiles(ring, files, wrap);
  return ring.timed ? onceMore(ring, files, result, wrap) : result;
}

/** Files whose failures are asked once more. Where more fail it is not the machine. */
const repeatedFiles = 3;

/**
 * What fails in a ring that is `timed` is run once more, its file alone. A test that passes then is unsteady: counted as
 * passed, and told at the end with all that was wrong.
 */
async function onceMore(ring, files, result, wrap) {
  const prefixOf = (file) => (files.length === 1 ? '' : `${nameOf(file)} › `);
  const fileOf = ({ title }) => files.find((file) => title.startsWith(prefixOf(file)));
  const failed = new Set(result.failures.map(fileOf));
  const isCutShort = failed.has(undefined) || result.failures.some(isOfAva);
  if (failed.size === 0 || failed.size > repeatedFiles || isCutShort) return result;
  const unsteady = [];
  for (const file of failed) {
    const again = await runFiles(ring, [file], wrap);
    if (again.failures.some(isOfAva)) continue;
    const stays = new Set(again.failures.map(({ title }) => prefixOf(file) + title));
    const ofFile = result.failures.filter((failure) => fileOf(failure) === file);
    unsteady.push(...ofFile.filter(({ title }) => !stays.has(title)));
  }
  return {
    ...result,
    passed: result.passed + unsteady.length,
    failures: result.failures.filter((failure) => !unsteady.includes(failure)),
    unsteady,
  };
}

function isOfAva({ title }) {
  return /^(\S+ › )?ava ended/.test(title);
}

/** Files of one ring: in lanes, where it has them; those that measure come after, when the machine is theirs. */
async function runFiles(ring, files, wrap) {
  if (ring.lanes === undefined || files.length === 1) return runAva(ring, files, wrap);
  const isAlone = (file) => ring.alone.includes(nameOf(file));
  const waiting = files.filter((file) => !isAlone(file));
  const parts = [];
  const lane = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift())
      parts.push(inRing(file, await runAva(ring, [file], wrap)));
  };
  await Promise.all(Array.from({ length: ring.lanes }, lane));
  for (const file of files.filter(isAlone))
    parts.push(inRing(file, await runAva(ring, [file], wrap)));
  return {
    passed: parts.reduce((sum, { passed }) => sum + passed, 0),
    failures: parts.flatMap(({ failures }) => failures),
    skipped: sumOf(parts.map(({ skipped }) => skipped)),
    filesMs: new Map(parts.flatMap(({ filesMs }) => [...filesMs])),
    repetitions: parts.flatMap(({ repetitions }) => repetitions),
  };
}

/** A file's result under the names that its tests have among those of other files. */
function inRing(file, { passed, failures, skipped, filesMs, repetitions }) {
  const name = nameOf(file);
  const ms = [...filesMs.values()].reduce((sum, one) => sum + one, 0);
  return {
    passed,
    failures: failures.map(({ title, detail }) => ({ title: `${name} › ${title}`, detail })),
    skipped,
    filesMs: new Map([[name, ms]]),
    repetitions,
  };
}

function nameOf(file) {
  return basename(file, '.test.js');
}

/** ava on some files, its TAP read as it comes. */
function runAva(ring, files, wrap) {
  const cwd = join(root, ring.cwd ?? '');
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
    endsWithUs(child);
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

function report({ name, serial }, result, ms) {
  const { passed, failures, unsteady = [], skipped, filesMs, repetitions } = result;
  const word = failures.length > 0 ? 'FAIL' : 'ok  ';
  console.log(
    `${word} ${name.padEnd(8)} ${passed} passed, ${failures.length} failed, ${countOf(skipped)} skipped  (${(ms / 1000).toFixed(1)} s)`,
  );
  if (serial && filesMs) console.log(`     slowest: ${slowest(filesMs)}`);
  if (repetitions?.length > 0) console.log(`     repetitions: ${repetitions.join(', ')}`);
  const told = [
    ...failures,
    ...unsteady.map(({ title, detail }) => ({ title: `unsteady: ${title}`, detail })),
  ];
  for (const { title, detail } of told) {
    console.log(`\n     ${title}`);
    for (const line of (detail ?? '').split('\n').filter(Boolean)) console.log(`       ${line}`);
  }
  if (told.length > 0) console.log('');
}

/** Where the time goes. */
function slowest(filesMs) {
  return [...filesMs]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 8)
    .map(([file, ms]) => `${file} ${(ms / 1000).toFixed(0)} s`)
    .join(', ');
}

/** How often each reason was given. */
function sumOf(counts) {
  const sum = new Map();
  for (const [reason, count] of counts.flatMap((one) => [...one]))
    sum.set(reason, (sum.get(reason) ?? 0) + count);
  return sum;
}

function countOf(skipped) {
  return [...skipped.values()].reduce((sum, count) => sum + count, 0);
}

'use strict';
// The ring `kernels`: the rings below it once more, each in a guest that runs another kernel.

const { execFile } = require('node:child_process');
const { existsSync, mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { availableParallelism, freemem, tmpdir } = require('node:os');
const { join } = require('node:path');
const { promisify } = require('node:util');
const { endsWithUs } = require('./children.cjs');
const { checkTable } = require('./kernel-table.cjs');

const root = join(__dirname, '..');
const vmtest = join(root, 'scripts/vm/vmtest');

/** The oldest that we carry packets on, and what Debian 12 and 13 have. */
const usual = ['5.10', '6.1', '6.12'];

/** TCG takes about ten times as long as the machine itself. */
const slowness = 10;

/** How long ava waits for the next test to end; some files of the ring `kernel` together take ten minutes. */
const patience = '8m';

/**
 * Seconds that one of two guests has for a ring: some files of one take up to fifteen minutes, all of them an hour. What hangs is
 * to be told before whoever runs the tests gives up.
 */
const limits = { some: 2100, all: 6000 };

/** Packets that the fuzzer sends there; on the machine itself it is a hundred times as many. */
const fuzzed = 10_000;

/** What vmtest ends with when it is not the command's own status. */
const endings = {
  124: 'the guest ran out of time',
  125: 'the guest died',
  126: 'there was no guest',
};

/**
 * Runs rings in guests, kernel by kernel. `runIn(ring, wrap)` runs one with its command wrapped, `tell` says
 * what came of it. Gives back the sum.
 */
async function runKernels({ kernels: named, rings, runIn, tell }) {
  const kernels = named ?? usual;
  const waiting = [...kernels].reverse(); // the newest can do most, so it takes longest
  const done = new Map();
  const work = async () => {
    for (let kernel = waiting.shift(); kernel !== undefined; kernel = waiting.shift()) {
      const chosen = rings.map((ring) =>
        named === undefined && ring.unnamed ? { ...ring, only: ring.unnamed[kernel] } : ring,
      );
      const place = kernels.indexOf(kernel);
      done.set(kernel, await runKernel(kernel, { place, rings: chosen, runIn, tell }));
    }
  };
  await Promise.all(Array.from({ length: guestsAtOnce() }, work));
  const rows = kernels.flatMap((kernel) => done.get(kernel).rows);
  printTable(rows);
  const columns = kernels.flatMap((kernel) => {
    const { features } = done.get(kernel);
    return features === undefined ? [] : [[kernel, features]];
  });
  const wrong = checkTable(Object.fromEntries(columns), {
    write: process.env.ENCAP_WRITE_DOCS === '1',
  });
  const table = { passed: wrong.length === 0 ? 1 : 0, failures: wrong, skipped: new Map() };
  tell({ name: 'docs/kernels.md' }, table, 0);
  const skipped = new Map();
  for (const [why, count] of rows.flatMap((row) => [...row.skipped]))
    skipped.set(why, (skipped.get(why) ?? 0) + count);
  return {
    passed: rows.reduce((sum, { passed }) => sum + passed, table.passed),
    failures: [...rows.flatMap(({ failures }) => failures), ...wrong],
    unsteady: rows.flatMap(({ unsteady = [] }) => unsteady),
    skipped,
  };
}

/** All rings on one kernel, the `place`th; what each came to, and the kernel's column of docs/kernels.md. */
async function runKernel(kernel, { place, rings, runIn, tell }) {
  const { features, failure } = await featuresOf(kernel);
  if (failure !== undefined) {
    const failed = { passed: 0, failures: [failure], skipped: new Map() };
    tell({ name: kernel }, failed, 0);
    return { rows: [{ kernel, ring: 'features', ...failed, ms: 0 }] };
  }
  const rows = [];
  for (const ring of rings) {
    const started = Date.now();
    const log = mkdtempSync(join(tmpdir(), 'encap-kernels.'));
    const options = {
      seconds: ring.ofKernel !== undefined && ring.only === undefined ? limits.all : limits.some,
      log: join(log, 'kernel'),
      environment: samples(ring, place),
    };
    const result = await runIn(ring, (words) =>
      inGuest(kernel, [...words, '--timeout', patience], options),
    );
    const ms = Date.now() - started;
    const named = {
      passed: result.passed,
      failures: result.failures.map((failure) => onKernel(kernel, failure, options.log)),
      unsteady: (result.unsteady ?? []).map((one) => onKernel(kernel, one, options.log)),
      skipped: new Map([...result.skipped].map(([why, count]) => [`${kernel}: ${why}`, count])),
      filesMs: result.filesMs,
    };
    rmSync(log, { recursive: true });
    tell({ ...ring, name: `${kernel} ${ring.name}` }, named, ms);
    rows.push({ kernel, ring: ring.name, ...named, ms });
  }
  return { rows, features };
}

/** Two, where there are processors and memory for them: most of what a guest's tests wait for is one processor's. */
function guestsAtOnce() {
  return availableParallelism() >= 2 && freemem() > 6 * 2 ** 30 ? 2 : 1;
}

/** A column of docs/kernels.md, asked in a guest; a kernel that cannot be had or booted is a failure. */
async function featuresOf(kernel) {
  const script = join(root, 'dist/test/support/kernel-features.js');
  const [command, ...args] = inGuest(kernel, [process.execPath, script], { seconds: 300 });
  try {
    const asking = promisify(execFile)(command, args);
    endsWithUs(asking.child);
    const { stdout } = await asking;
    return { features: JSON.parse(stdout).features };
  } catch (error) {
    const why = endings[error.code] ?? `asking its features ended with ${error.code}`;
    return { failure: { title: `${kernel}: ${why}`, detail: error.stderr ?? error.message } };
  }
}

/** Where only some files of a ring run, of long tables of tests also some rows, others on each kernel. */
function samples({ only }, place) {
  return only === undefined ? [] : [`ENCAP_TEST_SAMPLE=${place}`];
}

/** A command and its arguments, as they run inside a guest. */
function inGuest(kernel, words, { seconds, log, environment = [] }) {
  const bare = join(root, 'scripts/vm/bare');
  const options = ['--kernel', kernel, '--timeout', String(seconds)];
  if (log !== undefined) options.push('--klog', log);
  const variables = [`ENCAP_TEST_SLOWNESS=${slowness}`, `FUZZ_PACKETS=${fuzzed}`, ...environment];
  const given = variables.flatMap((one) => ['--env', one]);
  return [vmtest, ...options, ...given, '--', bare, ...words];
}

/** Where ava did not come to its end, the kernel's last words may tell why. */
function onKernel(kernel, { title, detail }, log) {
  const [, code] = /^ava ended with (\d+)/.exec(title) ?? [];
  if (code === undefined) return { title: `${kernel}: ${title}`, detail };
  return {
    title: `${kernel}: ${title}${code in endings ? `: ${endings[code]}` : ''}`,
    detail: `${detail}\n${code in endings ? '' : lastWords(log)}`,
  };
}

/** vmtest tells them itself where the guest had no end of its own. */
function lastWords(log) {
  if (!existsSync(log)) return '';
  const words = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-30);
  return ["the last words of the guest's kernel:", ...words].join('\n');
}

/** kernel × ring. */
function printTable(rows) {
  const head = ['kernel', 'ring', 'passed', 'failed', 'skipped', 'seconds'];
  const cells = rows.map(({ kernel, ring, passed, failures, skipped, ms }) => [
    kernel,
    ring,
    String(passed),
    String(failures.length),
    String([...skipped.values()].reduce((sum, count) => sum + count, 0)),
    (ms / 1000).toFixed(0),
  ]);
  const widths = head.map((_, column) =>
    Math.max(...[head, ...cells].map((row) => row[column].length)),
  );
  const line = (row) =>
    row
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  ');
  console.log(`\n     ${line(head)}`);
  for (const row of cells) console.log(`     ${line(row)}`);
  console.log('');
}

module.exports = { runKernels };

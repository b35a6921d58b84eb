'use strict';
// The ring `kernels`: the rings below it once more, each in a guest that runs another kernel.

const { spawnSync } = require('node:child_process');
const { join } = require('node:path');
const { checkTable } = require('./kernel-table.cjs');

const root = join(__dirname, '..');
const vmtest = join(root, 'scripts/vm/vmtest');

/** The oldest that we carry packets on, and what Debian 12 and 13 have. */
const usual = ['5.10', '6.1', '6.12'];

/** TCG takes about ten times as long as the machine itself. */
const slowness = 10;

/** How long ava waits for the next test to end: ten times what it does on the machine itself. */
const patience = '50m';

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
async function runKernels({ kernels = usual, rings, runIn, tell }) {
  const sum = { passed: 0, failures: [], skipped: new Map() };
  const rows = [];
  const columns = {};
  for (const kernel of kernels) {
    const asked = featuresOf(kernel);
    if (asked.failure !== undefined) {
      sum.failures.push(asked.failure);
      tell({ name: kernel }, { passed: 0, failures: [asked.failure], skipped: new Map() }, 0);
      continue;
    }
    columns[kernel] = asked.features;
    for (const ring of rings) {
      const started = Date.now();
      const result = await runIn(ring, (words) =>
        inGuest(kernel, [...words, '--timeout', patience], samples(ring, kernels.indexOf(kernel))),
      );
      const ms = Date.now() - started;
      const named = {
        passed: result.passed,
        failures: result.failures.map((failure) => onKernel(kernel, failure)),
        skipped: new Map([...result.skipped].map(([why, count]) => [`${kernel}: ${why}`, count])),
      };
      tell({ name: `${kernel} ${ring.name}` }, named, ms);
      rows.push({ kernel, ring: ring.name, ...named, ms });
      sum.passed += named.passed;
      sum.failures.push(...named.failures);
      for (const [why, count] of named.skipped)
        sum.skipped.set(why, (sum.skipped.get(why) ?? 0) + count);
    }
  }
  printTable(rows);
  const wrong = checkTable(columns, { write: process.env.ENCAP_WRITE_DOCS === '1' });
  tell(
    { name: 'docs/kernels.md' },
    { passed: wrong.length === 0 ? 1 : 0, failures: wrong, skipped: new Map() },
    0,
  );
  sum.passed += wrong.length === 0 ? 1 : 0;
  sum.failures.push(...wrong);
  return sum;
}

/** A column of docs/kernels.md, asked in a guest; a kernel that cannot be had or booted is a failure. */
function featuresOf(kernel) {
  const script = join(root, 'dist/test/support/kernel-features.js');
  const [command, ...args] = inGuest(kernel, [process.execPath, script]);
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return { features: JSON.parse(stdout).features };
  const title = `${kernel}: ${endings[status] ?? `asking its features ended with ${status}`}`;
  return { failure: { title, detail: stderr } };
}

/** Where only some files of a ring run, of long tables of tests also some rows, others on each kernel. */
function samples({ only }, place) {
  return only === undefined ? [] : [`ENCAP_TEST_SAMPLE=${place}`];
}

/** A command and its arguments, as they run inside a guest. */
function inGuest(kernel, words, more = []) {
  const bare = join(root, 'scripts/vm/bare');
  const options = ['--kernel', kernel, '--timeout', '3600'];
  const environment = [`ENCAP_TEST_SLOWNESS=${slowness}`, `FUZZ_PACKETS=${fuzzed}`, ...more];
  const given = environment.flatMap((one) => ['--env', one]);
  return [vmtest, ...options, ...given, '--', bare, ...words];
}

function onKernel(kernel, { title, detail }) {
  const [, code] = /^ava ended with (\d+)$/.exec(title) ?? [];
  return { title: `${kernel}: ${endings[code] ?? title}`, detail };
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

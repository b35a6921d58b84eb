'use strict';
// What the bootstrap says and runs: on the terminal in short, in .bootstrap/bootstrap.log in full.

const { spawn, spawnSync } = require('node:child_process');
const { appendFileSync, mkdirSync } = require('node:fs');
const { join, resolve } = require('node:path');

const root = resolve(__dirname, '../..');
const folder = join(root, '.bootstrap');
const logFile = join(folder, 'bootstrap.log');

/** A failure that was explained: what failed, what to do next, and the exit code. */
class Stop extends Error {
  constructor(message, { next, exitCode }) {
    super(message);
    this.next = next;
    this.exitCode = exitCode;
  }
}

function log(text) {
  mkdirSync(folder, { recursive: true });
  appendFileSync(logFile, `${text}\n`);
}

function say(line) {
  console.log(line);
  log(line);
}

/** One line for a step that is done: `[2/5] system packages   ok`. */
function step(number, of, name, outcome) {
  say(`[${number}/${of}] ${name.padEnd(18)} ${outcome}`);
}

/** Says a command, runs it and keeps its output in the log; a failure shows its last lines. */
function run(command, args, { cwd = root, env = {}, why, next, exitCode = 5 } = {}) {
  const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  say(`      $ ${[...set, command, ...args].join(' ')}`);
  const started = Date.now();
  const ended = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 256 * 1024 * 1024,
  });
  const output = `${ended.stdout ?? ''}${ended.stderr ?? ''}`.trimEnd();
  log(output);
  if (ended.status === 0) return { output, seconds: ((Date.now() - started) / 1000).toFixed(1) };
  const lines = [...output.split('\n').slice(-10), ended.error?.message ?? ''];
  for (const line of lines.filter((text) => text !== '')) console.error(`        ${line}`);
  throw new Stop(why ?? `${command} ended with ${ended.status ?? ended.signal}`, {
    next: next ?? `see ${logFile}`,
    exitCode,
  });
}

/** Runs the job itself on this terminal; gives back its exit code. Ctrl-C is the job's to handle. */
function handOver(command, args, env = {}) {
  log(`$ ${[command, ...args].join(' ')}`);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
    const keepWaiting = () => undefined; // the terminal sends SIGINT to both
    process.on('SIGINT', keepWaiting);
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

module.exports = { Stop, folder, handOver, log, logFile, root, run, say, step };

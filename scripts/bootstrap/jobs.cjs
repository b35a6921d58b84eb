'use strict';
// The six jobs: start, test, bench, package, lint, remove. Each brings the machine as far as it has to, then hands over.

const { existsSync, readFileSync, rmSync, writeFileSync, mkdirSync } = require('node:fs');
const { join } = require('node:path');
const machine = require('./machine.cjs');
const packages = require('./packages.cjs');
const { ensureEtcd, removeEtcd } = require('./etcd.cjs');
const steps = require('./steps.cjs');
const { Stop, folder, handOver, log, logFile, root, run, say, step } = require('./say.cjs');

const mountRecord = join(folder, 'mounted-bpffs');
const node = process.execPath;

const jobs = { start, test, bench, package: pack, lint, remove };

/** Runs the job that the first argument names and exits with its code. */
async function main([name, ...args]) {
  const job = jobs[name];
  if (job === undefined) {
    console.error(`usage: node scripts/bootstrap.cjs ${Object.keys(jobs).join('|')}`);
    process.exit(2);
  }
  log(`\n--- ${new Date().toISOString()} ${name} ${args.join(' ')}`);
  try {
    process.exitCode = await job(args);
  } catch (error) {
    if (!(error instanceof Stop)) {
      console.error(`encap: ${error.stack}\nlog: ${logFile}`);
      process.exitCode = 1;
      return;
    }
    console.error(`encap: ${error.message}`);
    if (error.next !== undefined) console.error(`do: ${error.next}`);
    log(`stopped: ${error.message}`);
    process.exitCode = error.exitCode;
  }
}

/** Everything, then the demo; without root the part that needs none. */
async function start(args) {
  introduce();
  if (!machine.isRoot()) return startUnprivileged();
  await prepare(['build', 'lab']);
  step(5, 5, 'demo', 'in network namespaces; nothing on your own interfaces is touched');
  return handOver(node, ['dist/src/lab/demo.js', ...args]);
}

async function startUnprivileged() {
  const lacking = packages.missing(['build', 'lab']);
  step(1, 4, 'node', `${process.versions.node} ok (needs 20.19 or newer)`);
  step(2, 4, 'npm packages', steps.ensure('dependencies') ?? 'ok');
  step(
    3,
    4,
    'build',
    ['typescript', 'command'].map(steps.ensure).filter(Boolean).join(', ') || 'ok',
  );
  step(4, 4, 'demo', 'the part that needs no root: validate, plan, explain');
  for (const words of [
    ['validate', 'examples/crosssubnet'],
    ['plan', '-f', 'examples/crosssubnet', '--node', 'node-a'],
    ['explain', '-f', 'examples/crosssubnet', '--node', 'node-a', '10.244.2.5', '10.244.3.5'],
  ]) {
    say(`\n$ encap ${words.join(' ')}`);
    const code = await handOver(node, ['dist/src/cli/main.js', ...words]);
    if (code !== 0) return code;
  }
  say('\nThe rest needs root: network namespaces, links and eBPF programs.');
  if (lacking.length > 0) say(`It would also install: ${packages.installLine(lacking)}`);
  throw new Stop('not root: the network and its traffic were left out', {
    next:
      machine.commandPath('sudo') === undefined
        ? 'run `npm start` as root (this machine has no sudo)'
        : 'sudo -E env PATH=$PATH npm start',
    exitCode: 4,
  });
}

/** Unit tests for everybody; the rings below them for root. */
async function test(args) {
  introduce();
  if (machine.isRoot()) {
    const runs = (ring) =>
      args.length === 0
        ? process.env.CI === 'true'
        : args.some((name) => name.split(':')[0] === ring);
    const guests = runs('kernels') || runs('vm') ? ['guests'] : [];
    const vagrant = runs('vm') ? ['vagrant'] : [];
    const cluster = runs('k8s') ? ['cluster'] : [];
    const daemons = process.env.CI === 'true' ? ['daemons'] : [];
    await prepare([
      'build',
      'lab',
      'bench',
      'test',
      'package',
      ...daemons,
      ...cluster,
      ...guests,
      ...vagrant,
    ]);
  } else {
    step(1, 3, 'node', `${process.versions.node} ok (needs 20.19 or newer)`);
    step(2, 3, 'npm packages', steps.ensure('dependencies') ?? 'ok');
    const lacking = packages.missing(['build']);
    const built =
      lacking.length === 0 ? ['addon', 'typescript', 'command'] : ['typescript', 'command'];
    step(3, 3, 'build', built.map(steps.ensure).filter(Boolean).join(', ') || 'ok');
  }
  if (args.length === 0 || args.includes('sources') || args.includes('k8s')) ensureEtcd();
  return handOver(node, ['scripts/test.cjs', ...args]);
}

/** The default suite, or what the arguments say. */
async function bench(args) {
  introduce();
  if (!machine.isRoot())
    throw new Stop('measuring needs root: network namespaces, links and eBPF programs', {
      next: 'sudo -E env PATH=$PATH npm run bench',
      exitCode: 4,
    });
  await prepare(['build', 'lab', 'bench']);
  return handOver(node, ['dist/src/cli/main.js', 'bench', 'run', ...args]);
}

/** What has been built, as a tarball and a Debian package. */
async function pack(args) {
  introduce();
  step(1, 5, 'node', `${process.versions.node} ok (needs 20.19 or newer)`);
  if (!machine.isRoot() && packages.missing(['build', 'package']).length > 0)
    throw new Stop('what builds is missing', {
      next: packages.installLine(packages.missing(['build', 'package'])),
      exitCode: 4,
    });
  step(2, 5, 'system packages', await packages.install(['build', 'package']));
  step(3, 5, 'npm packages', steps.ensure('dependencies') ?? 'ok');
  const built = ['addon', 'typescript', 'command', 'object'].map(steps.ensure).filter(Boolean);
  step(4, 5, 'build', built.join(', ') || 'ok');
  step(5, 5, 'package', 'dist/package, unless a folder is named');
  return handOver(node, ['scripts/package.cjs', ...args]);
}

/** eslint, prettier, clang-format and shellcheck; all of them run, one failure fails. */
async function lint() {
  introduce();
  step(1, 4, 'node', `${process.versions.node} ok (needs 20.19 or newer)`);
  if (!machine.isRoot() && packages.missing(['lint']).length > 0)
    throw new Stop(`linters are missing: ${packages.missing(['lint']).join(' ')}`, {
      next: packages.installLine(packages.missing(['lint'])),
      exitCode: 4,
    });
  step(2, 4, 'system packages', await packages.install(['lint']));
  step(3, 4, 'npm packages', steps.ensure('dependencies') ?? 'ok');
  step(4, 4, 'build', steps.ensure('typescript') ?? 'ok');
  return require('./lint.cjs').lint();
}

/** Takes back what the other jobs did to the machine; the checkout stays as it is. */
function remove() {
  if (!machine.isRoot())
    throw new Stop('removing packages needs root', {
      next: 'sudo npm run unbootstrap',
      exitCode: 4,
    });
  step(1, 3, 'system packages', packages.remove());
  step(2, 3, 'etcd', removeEtcd());
  step(3, 3, 'bpffs', unmountBpffs());
  steps.forget();
  return 0;
}

function introduce() {
  log(machine.title());
  console.log(`encap: ${machine.title()}`);
}

/** Steps 1 to 4 as root. */
async function prepare(groups) {
  step(1, 5, 'node', `${process.versions.node} ok (needs 20.19 or newer)`);
  step(2, 5, 'system packages', await installOrGoOn(groups));
  step(3, 5, 'npm packages', steps.ensure('dependencies') ?? 'ok');
  const built = ['addon', 'typescript', 'command', 'object'].map(steps.ensure).filter(Boolean);
  step(4, 5, 'build', built.join(', ') || 'ok');
  mountBpffs();
  await require('./probe.cjs').probe();
}

/** Without clang the prebuilt object will do, where one is. */
async function installOrGoOn(groups) {
  try {
    return await packages.install(groups);
  } catch (error) {
    const left = packages.missing(groups);
    const clangOnly = left.length === 1 && left[0] === 'clang';
    if (!(error instanceof Stop) || !clangOnly || !existsSync(join(root, 'dist/prebuilt')))
      throw error;
    return `no clang: ${error.message}; going on with the prebuilt object`;
  }
}

function mountBpffs() {
  if (machine.bpffsMounted()) return;
  say('      bpffs is not mounted; undo: npm run unbootstrap');
  run('mount', ['-t', 'bpf', 'bpf', '/sys/fs/bpf'], {
    why: 'cannot mount bpffs: programs and maps could not outlive the agent',
    next: 'in a container it takes --privileged, or -v /sys/fs/bpf:/sys/fs/bpf',
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(mountRecord, '/sys/fs/bpf\n');
}

function unmountBpffs() {
  if (!existsSync(mountRecord)) return 'was not mounted by us';
  if (machine.bpffsMounted()) run('umount', [readFileSync(mountRecord, 'utf8').trim()]);
  rmSync(mountRecord);
  return 'unmounted';
}

module.exports = { main };

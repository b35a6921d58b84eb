import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { skips } from '../support/needs.js';
import { type Ended, root } from './encap.js';
import { inNode } from './node.js';

const scratch = mkdtempSync(join(tmpdir(), 'encap-package-'));
test.after.always(() => rmSync(scratch, { recursive: true }));

const lacking = whyNotPackaged();

/** Made once for all tests; a second time with another umask, to compare. */
const made = lacking === undefined ? [make('first', '022'), make('second', '077')] : [];

/** What this machine has not, or has not built; undefined where packages can be made. */
function whyNotPackaged(): string | undefined {
  for (const command of ['tar', 'dpkg-deb', 'readelf'])
    if (spawnSync(command, ['--version']).error !== undefined)
      return `no ${command} to make packages with`;
  for (const built of ['addon/build/Release/libbpf_ts.node', 'dist/prebuilt/manifest.json'])
    if (!existsSync(join(root, built))) return `${built} is not built here`;
  return undefined;
}

function isSkipped(t: ExecutionContext): boolean {
  if (lacking === undefined) return false;
  t.log(`skipped: ${lacking}`);
  t.pass();
  return true;
}

async function make(name: string, umask: string): Promise<string> {
  const out = join(scratch, name);
  const words = [process.execPath, join(root, 'scripts/package.cjs'), out].map(
    (word) => `'${word}'`,
  );
  await promisify(execFile)('sh', ['-ec', `umask ${umask}; exec ${words.join(' ')}`], {
    env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' },
  });
  return out;
}

/** The file in a folder of packages that ends so. */
async function packageOf(ending: '.tar.gz' | '.deb', which = 0): Promise<string> {
  const out = (await made[which]) ?? '';
  return join(out, readdirSync(out).find((name) => name.endsWith(ending)) ?? '');
}

/** A folder with a Node at its place and the tarball unpacked below /opt. */
async function machine(
  t: ExecutionContext,
): Promise<{ readonly at: string; readonly encap: string }> {
  const at = mkdtempSync(join(tmpdir(), 'encap-machine-'));
  t.teardown(() => rmSync(at, { recursive: true }));
  for (const folder of ['opt', 'usr/bin']) mkdirSync(join(at, folder), { recursive: true });
  writeFileSync(join(at, 'usr/bin/node'), '', { mode: 0o755 });
  execFileSync('tar', ['-xzf', await packageOf('.tar.gz'), '-C', join(at, 'opt')]);
  const [tree = ''] = readdirSync(join(at, 'opt'));
  return { at, encap: join(at, 'opt', tree, 'bin/encap') };
}

/** A command of a package: its own Node modules, and no clang in PATH. */
function runs(command: string, args: readonly string[], input = ''): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    encoding: 'utf8',
    input,
    cwd: '/',
    env: { PATH: '/nowhere' },
  });
  return { stdout, stderr, code: status ?? -1 };
}

/** The bundle, without what starts it and what is given to another Node as it is. */
function chunksOf(tree: string): string[] {
  return readdirSync(join(tree, 'dist/src/cli')).filter(
    (name) => name.endsWith('.js') && !['main.js', 'connect-endpoint.js'].includes(name),
  );
}

const sha256 = (file: string): string =>
  createHash('sha256').update(readFileSync(file)).digest('hex');

/** Everything below a folder with its kind, mode, link and size. */
function listing(folder: string): string {
  const format = '%y %m %p %l %s\\n';
  const words = ['.', '-not', '-type', 'd', '-printf', format, '-o', '-printf', '%y %m %p\\n'];
  const text = execFileSync('find', words, { cwd: folder, encoding: 'utf8', maxBuffer: 64 << 20 });
  return text.split('\n').sort().join('\n');
}

test('packages made twice are the same, byte by byte', async (t) => {
  if (isSkipped(t)) return;
  for (const ending of ['.tar.gz', '.deb'] as const)
    t.is(sha256(await packageOf(ending, 0)), sha256(await packageOf(ending, 1)), ending);
});

test('the tarball has everything that runs, root’s and unwritable by others, and nothing that builds or tests', async (t) => {
  if (isSkipped(t)) return;
  const text = execFileSync('tar', ['-tvzf', await packageOf('.tar.gz')], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  const entries = text.trimEnd().split('\n');
  for (const entry of entries) t.regex(entry, /^(?:[-d]rw.r-.r-.|lrwx\S+) 0\/0 /);
  const names = entries.map((entry) => entry.split(/\s+/)[5] ?? '');
  t.deepEqual(
    names.filter((name) => /\.(?:map|d\.ts|test\.js|cc)$|\/(?:test|\.git|\.bin)\//.test(name)),
    [],
  );
  const modules = new Set(
    names.map((name) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(name)?.[1]),
  );
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
  for (const name of Object.keys(dependencies)) t.true(modules.has(name), name);
  for (const name of [...Object.keys(devDependencies), 'cmake-js', 'node-addon-api'])
    t.false(modules.has(name), name);
});

test('the tarball names the sum of each file, and its objects are those of their manifest', async (t) => {
  if (isSkipped(t)) return;
  const { encap } = await machine(t);
  const tree = join(encap, '../..');
  execFileSync('sha256sum', ['--quiet', '--check', 'SHA256SUMS'], { cwd: tree });
  const summed = readFileSync(join(tree, 'SHA256SUMS'), 'utf8').trimEnd().split('\n').length;
  const files = execFileSync('find', ['.', '-type', 'f'], { cwd: tree, encoding: 'utf8' });
  t.is(summed + 1, files.trimEnd().split('\n').length);
  const { objects } = JSON.parse(
    readFileSync(join(tree, 'dist/prebuilt/manifest.json'), 'utf8'),
  ) as { objects: Record<string, string> };
  t.deepEqual(Object.keys(objects).sort(), ['encapd', 'encapd_fast']);
  for (const [name, sum] of Object.entries(objects))
    t.is(sha256(join(tree, `dist/prebuilt/${name}.bpf.o`)), sum);
});

test('from the tarball: version with the addon, validate, explain, help of an error', async (t) => {
  if (isSkipped(t)) return;
  const { encap } = await machine(t);
  const version = runs(encap, ['version', '-o', 'json']);
  t.like(JSON.parse(version.stdout), { kind: 'Version', node: process.versions.node });
  t.regex((JSON.parse(version.stdout) as { libbpf: string }).libbpf, /^v\d/);
  const examples = join(encap, '../../examples/crosssubnet');
  t.is(runs(encap, ['validate', examples]).code, 0);
  t.regex(
    runs(encap, ['explain', '10.244.3.9', '-f', examples, '--node', 'node-a']).stdout,
    /VXLAN to node-c/,
  );
  t.regex(runs(encap, ['help', 'INSTALL_REFUSED']).stdout, /^INSTALL_REFUSED/);
});

test('from the tarball: every verb is in the bundle, and what is not bundled can be loaded', async (t) => {
  if (isSkipped(t)) return;
  const { encap } = await machine(t);
  const tree = join(encap, '../..');
  // The manual is made from all of the command tree; this one was printed by the modules of the checkout.
  const manual = readFileSync(join(tree, 'share/man/man1/encap.1'), 'utf8');
  t.is(runs(encap, ['help', 'man']).stdout, manual);
  const code = chunksOf(tree).map((name) => readFileSync(join(tree, 'dist/src/cli', name), 'utf8'));
  const imports = /\b(?:require|import)\("([^."][^"]*)"\)/g;
  const names = code.flatMap((text) => [...text.matchAll(imports)].map(([, name = '']) => name));
  const packages = [...new Set(names)].filter((name) => !isBuiltin(name)).sort();
  t.true(
    packages.includes('pino') && packages.includes('@kubernetes/client-node'),
    packages.join(' '),
  );
  const addon = readdirSync(join(tree, 'node_modules/libbpf-ts')).sort();
  t.deepEqual(addon, ['package.json', 'prebuilds'], 'of libbpf-ts the native half is left');
  for (const bundled of ['commander', 'yaml', 'zod']) {
    t.false(packages.includes(bundled), bundled);
    const left = readdirSync(join(tree, 'node_modules', bundled));
    t.deepEqual(left.sort(), ['LICENSE', 'package.json'], `${bundled}: its terms come along`);
  }
  // Each chunk, whatever verb needs it: what it requires must be something that Node can require. Some need the command
  // itself, which does what it is told.
  const named = JSON.stringify(packages);
  const chunks = chunksOf(tree);
  const paths = JSON.stringify(chunks.map((name) => `./dist/src/cli/${name}`));
  const load = `for (const path of ${paths}) require(path); Promise.all(${named}.map((name) => import(name)))`;
  const loaded = spawnSync(process.execPath, ['-e', load, '--', 'encap', '--help'], {
    cwd: tree,
    encoding: 'utf8',
  });
  t.is(loaded.status, 0, loaded.stderr);
});

test('from the tarball: V8 takes what it compiled before, a Node of another version runs the chunks as they are', async (t) => {
  if (isSkipped(t)) return;
  const { encap } = await machine(t);
  const tree = join(encap, '../..');
  const compiled = join(tree, 'dist/src/cli/compiled');
  t.deepEqual(readdirSync(compiled), [`${process.version}-${process.arch}`]);
  const names = readdirSync(join(compiled, `${process.version}-${process.arch}`));
  const whole = chunksOf(tree).filter(
    (name) => !/\bimport\("/.test(readFileSync(join(tree, 'dist/src/cli', name), 'utf8')),
  );
  t.deepEqual(names.sort(), whole.sort(), 'all but those that import packages');
  t.true(chunksOf(tree).length > whole.length);

  const count = join(tree, 'count.cjs');
  writeFileSync(
    count,
    `const vm = require('node:vm');
    const taken = { true: 0, false: 0 };
    vm.Script = class extends vm.Script {
      constructor(code, options) {
        super(code, options);
        taken[this.cachedDataRejected === false] += 1;
      }
    };
    process.on('exit', () => console.error(JSON.stringify(taken)));`,
  );
  const asked = [
    'explain',
    '10.244.3.9',
    '-f',
    join(tree, 'examples/crosssubnet'),
    '--node',
    'node-a',
  ];
  const explain = (...flags: string[]): Ended => {
    const words = [...flags, '--require', count, encap, ...asked, '--no-kernel'];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    return { stdout, stderr, code: status ?? -1 };
  };
  const before = explain();
  t.is(before.code, 0, before.stderr);
  t.regex(before.stderr, /^\{"true":[1-9]\d,"false":0\}$/m);
  const otherFlags = explain('--no-lazy');
  t.regex(otherFlags.stderr, /^\{"true":0,"false":[1-9]\d\}$/m);
  renameSync(compiled, `${compiled}-elsewhere`);
  const without = explain();
  t.regex(without.stderr, /^\{"true":0,"false":0\}$/m);
  t.is(before.stdout, without.stdout);
  t.is(otherFlags.stdout, without.stdout);
});

test('install and uninstall leave the machine as it was; the configuration is one that encap takes', async (t) => {
  if (isSkipped(t)) return;
  const { at, encap } = await machine(t);
  const before = listing(at);
  const dry = runs(encap, ['install', '--root', at, '--dry-run']);
  t.regex(dry.stdout, /Nothing was done/);
  t.is(listing(at), before);
  const done = runs(encap, ['install', '--root', at, '-o', 'json']);
  t.is(done.code, 0, done.stderr);
  t.regex(done.stderr, /^next: .*systemctl enable --now encap$/m);
  const { items } = JSON.parse(done.stdout) as { items: { path: string; action: string }[] };
  const now = execFileSync('find', ['.'], { cwd: at, encoding: 'utf8' }).split('\n');
  const fresh = now.filter(
    (path) => !before.includes(` ${path}\n`) && !before.includes(` ${path} `),
  );
  t.deepEqual(
    fresh
      .filter((path) => path !== '')
      .map((path) => path.slice(1))
      .sort(),
    [...items.map(({ path }) => path), '/var/lib/encap/installed.json'].sort(),
    'every file is told, and the list of them is the only other',
  );
  for (const name of ['man/man1/encap.1', 'bash-completion/completions/encap'])
    t.regex(readFileSync(join(at, 'usr/local/share', name), 'utf8'), /encap lab up/);
  const command = readlinkSync(join(at, 'usr/local/bin/encap'));
  t.true(existsSync(join(at, command)));
  const checked = runs(encap, ['validate', join(at, 'etc/encap/node.yaml'), '-o', 'json']);
  t.is(checked.code, 0, checked.stdout);

  const removed = runs(encap, ['uninstall', '--root', at]);
  t.is(removed.code, 0, removed.stderr);
  t.regex(removed.stderr, /rm -r .*\/opt\/encapd-/);
  t.is(listing(at), before);
});

test('uninstall with a datapath attached says what to do first', async (t) => {
  if (isSkipped(t)) return;
  const { at, encap } = await machine(t);
  t.is(runs(encap, ['install', '--root', at]).code, 0);
  mkdirSync(join(at, 'sys/fs/bpf/encap/0123456789abcdef'), { recursive: true });
  const refused = runs(encap, ['uninstall', '--root', at]);
  t.is(refused.code, 3);
  t.regex(refused.stderr, /^do: {2}systemctl disable --now encap && encap down, then again$/m);
  rmSync(join(at, 'sys'), { recursive: true });
  t.is(runs(encap, ['uninstall', '--root', at]).code, 0);
});

test.serial(
  'from the Debian package: an agent without clang brings a node in step; no removal while it is attached',
  async (t) => {
    if (isSkipped(t)) return;
    if (skips(t, 'dpkg', 'unshare', 'ip', 'mount')) return;
    const at = mkdtempSync(join(tmpdir(), 'encap-debian-'));
    t.teardown(() => rmSync(at, { recursive: true }));
    mkdirSync(join(at, 'var/lib/dpkg'), { recursive: true });
    writeFileSync(join(at, 'var/lib/dpkg/status'), '');
    const dpkg = (...args: string[]): Ended => {
      const words = [
        `--root=${at}`,
        '--force-script-chrootless',
        '--force-depends',
        '--force-confold',
      ];
      const { status, stdout, stderr } = spawnSync('dpkg', [...words, ...args], {
        encoding: 'utf8',
      });
      return { stdout, stderr, code: status ?? -1 };
    };
    const deb = await packageOf('.deb');
    t.is(dpkg('--install', deb).code, 0);
    const command = join(at, 'usr/lib/encapd/dist/src/cli/main.js');
    t.is(readlinkSync(join(at, 'usr/bin/encap')), '../lib/encapd/dist/src/cli/main.js');
    t.is(
      readFileSync(join(at, 'usr/lib/systemd/system/encap.service'), 'utf8'),
      readFileSync(join(root, 'deploy/systemd/encap.service'), 'utf8'),
    );
    t.is(dpkg('--verify', 'encapd').stdout, '');

    const tools = mkdtempSync(join(scratch, 'path-'));
    for (const name of ['ip', 'tc', 'mount', 'grep'])
      execFileSync('sh', ['-c', `ln -s "$(command -v ${name})" ${tools}/`]);
    const { stdout, stderr, code } = await inNode(
      t,
      `
    PATH=${tools}
    "$0" ${command} run -f ${at}/usr/lib/encapd/examples/two --node node-a --once --log-format json
    ip route show proto 147
    "$0" ${command} down --yes`,
    );
    t.is(code, 0, stdout);
    t.regex(stderr, /"object":"prebuilt"/);
    t.regex(stdout, /^10\.244\.0\.0\/16 via .* dev eth0/m);

    const installed = runs(command, ['install', '--dry-run', '--root', at]);
    t.regex(installed.stderr, /a Debian package is installed by apt already/);

    writeFileSync(join(at, 'etc/encap/node.yaml'), 'mine');
    t.is(dpkg('--install', deb).code, 0);
    t.is(readFileSync(join(at, 'etc/encap/node.yaml'), 'utf8'), 'mine');

    mkdirSync(join(at, 'sys/fs/bpf/encap/0123456789abcdef'), { recursive: true });
    const refused = dpkg('--remove', 'encapd');
    t.is(refused.code, 1);
    t.regex(refused.stderr, /systemctl disable --now encap && encap down --yes, then remove again/);
    t.true(existsSync(command));
    rmSync(join(at, 'sys'), { recursive: true });
    t.is(dpkg('--remove', 'encapd').code, 0);
    t.is(readFileSync(join(at, 'etc/encap/node.yaml'), 'utf8'), 'mine');
    t.is(dpkg('--purge', 'encapd').code, 0);
    t.false(existsSync(join(at, 'etc/encap')));
    t.false(existsSync(join(at, 'usr/lib/encapd')));
  },
);

test('the Debian package depends on the libraries that its addon is linked to', async (t) => {
  if (isSkipped(t)) return;
  const field = execFileSync('dpkg-deb', ['--field', await packageOf('.deb'), 'Depends'], {
    encoding: 'utf8',
  });
  const addon = join(root, 'addon/build/Release/libbpf_ts.node');
  const loaded = execFileSync('ldd', [addon], { encoding: 'utf8' });
  const direct = execFileSync('readelf', ['--dynamic', '--wide', addon], { encoding: 'utf8' });
  const paths = [...direct.matchAll(/NEEDED.*\[(?!ld-linux)(.+)\]/g)].map(
    ([, name = '']) =>
      new RegExp(`${name.replaceAll(/[.+]/g, '\\$&')} => (\\S+)`).exec(loaded)?.[1] ?? name,
  );
  t.true(paths.length >= 4);
  for (const path of paths) {
    const owner = ownerOf(path);
    if (owner === undefined) t.log(`not checked: no package here has ${path}`);
    else t.true(field.includes(owner), `${path} is in ${owner}`);
  }
  t.regex(field, /nodejs \(>= 20\.19\)/);
});

/** Debian's name of the package that a library is from; /lib is a link to /usr/lib, and dpkg may know it by either. */
function ownerOf(path: string): string | undefined {
  for (const name of [path, `/usr${path}`, path.replace(/^\/usr/, '')]) {
    const { status, stdout } = spawnSync('dpkg', ['--search', name], { encoding: 'utf8' });
    if (status === 0) return stdout.split(':')[0];
  }
  return undefined;
}

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Who may look where (README, the picture). `errors.ts` and a room's own files are open to all. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  net: [],
  encap: ['net'],
  model: ['net', 'encap'],
  decide: ['net', 'encap', 'model'],
  sources: ['net', 'encap', 'model'],
  datapath: ['net', 'encap', 'model', 'libbpf-ts'],
  agent: ['net', 'encap', 'model', 'sources', 'decide', 'datapath', 'libbpf-ts'],
  doctor: ['net', 'encap', 'model', 'decide', 'datapath', 'libbpf-ts'],
  lab: ['net', 'model'],
  install: [],
  graph: ['net', 'encap', 'model', 'decide'],
  bench: ['net', 'lab', 'libbpf-ts'],
  cli: [
    'net',
    'encap',
    'model',
    'sources',
    'decide',
    'datapath',
    'agent',
    'doctor',
    'lab',
    'bench',
    'graph',
    'install',
    'libbpf-ts',
  ],
};

/** Modules that do I/O, read a clock or log: none of them in the pure rooms. */
const impure =
  /^(node:(fs|child_process|net|os|timers|worker_threads)|pino|execa|chokidar|libbpf-ts)/;
const pure = ['net', 'encap', 'model', 'decide'];

const headers: Readonly<Record<string, readonly string[]>> = {
  'abi.h': [],
  'packet.h': ['abi.h'],
  'trace.h': ['maps.h', 'packet.h'],
  'verdict.h': ['abi.h', 'maps.h', 'trace.h'],
  'maps.h': ['abi.h'],
  'cutter.h': ['abi.h', 'maps.h', 'packet.h'],
  'encap/outer.h': ['abi.h', 'packet.h', 'maps.h', 'cutter.h'],
  'encap/checksum.h': ['encap/outer.h'],
  'encap/ipip.h': ['encap/outer.h'],
  'encap/ip6ip.h': ['encap/outer.h'],
  'encap/vxlan.h': ['encap/outer.h', 'encap/checksum.h'],
  'path.h': ['encap/encap.h'],
  'encap/encap.h': ['encap/ipip.h', 'encap/ip6ip.h', 'encap/vxlan.h'],
  'frame.h': ['maps.h', 'packet.h'],
  'next_hop.h': ['encap/outer.h', 'verdict.h'],
  'egress.h': ['frame.h', 'next_hop.h', 'path.h', 'verdict.h'],
  'ingress.h': ['frame.h', 'path.h', 'verdict.h'],
  'programs.h': ['egress.h'],
  'flow.h': ['maps.h', 'packet.h'],
  'shortcut.h': ['egress.h', 'flow.h'],
};

function files(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name));
}

function imports(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
}

function roomOf(file: string): string {
  return file.split('/')[1] ?? '';
}

test('imports follow the arrows of the picture', (t) => {
  const strays = files('src', /\.ts$/).flatMap((file) => {
    const room = roomOf(file);
    const allowed = rooms[room];
    if (allowed === undefined) return file === 'src/errors.ts' ? [] : [`${file}: no such room`];
    return imports(file).flatMap((name) => {
      if (!name.startsWith('.'))
        return name === 'libbpf-ts' && !allowed.includes(name) ? [`${file} imports ${name}`] : [];
      const target = relative(root, resolve(root, dirname(file), name));
      if (target.startsWith('..') || !target.startsWith('src/'))
        return [`${file} imports ${target}`];
      const other = roomOf(target);
      return other === room || other === 'errors.js' || allowed.includes(other)
        ? []
        : [`${file} imports ${target}`];
    });
  });
  t.deepEqual(strays, []);
});

test('the sources do not know each other', (t) => {
  const strays = files('src/sources', /\.ts$/).flatMap((file) => {
    const own = file.split('/')[2] ?? '';
    return imports(file)
      .filter((name) => name.startsWith('.'))
      .map((name) => relative(root, resolve(root, dirname(file), name)).split('/'))
      .filter(
        ([, room, source]) =>
          room === 'sources' && source !== undefined && !source.endsWith('.js') && source !== own,
      )
      .map((target) => `${file} imports ${target.join('/')}`);
  });
  t.deepEqual(strays, []);
});

test('the pure rooms do no I/O', (t) => {
  const strays = pure.flatMap((room) =>
    files(`src/${room}`, /\.ts$/).flatMap((file) =>
      imports(file)
        .filter((name) => impure.test(name))
        .map((name) => `${file} imports ${name}`),
    ),
  );
  t.deepEqual(strays, []);
});

test('C headers include downward only', (t) => {
  const strays = files('bpf', /\.h$/).flatMap((file) => {
    const name = relative('bpf', file);
    const allowed = headers[name];
    if (allowed === undefined) return [`${name}: no such header in the picture`];
    const text = readFileSync(join(root, file), 'utf8');
    return [...text.matchAll(/#include "([^"]+)"/g)]
      .map((match) => relative(join(root, 'bpf'), resolve(root, dirname(file), match[1] ?? '')))
      .filter((included) => !allowed.includes(included) && included !== 'abi.h')
      .map((included) => `${name} includes ${included}`);
  });
  t.deepEqual(strays, []);
});

test('libbpf-ts is a package of its own: it imports nothing of the project', (t) => {
  const strays = files('addon/lib', /\.ts$/).flatMap((file) =>
    imports(file)
      .filter(
        (name) =>
          name.startsWith('.') &&
          !relative(root, resolve(root, dirname(file), name)).startsWith('addon/lib'),
      )
      .map((name) => `${file} imports ${name}`),
  );
  t.deepEqual(strays, []);
});

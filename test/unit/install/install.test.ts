import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import test from 'ava';
import { EncapError } from '../../../src/errors.js';
import { Place, told } from './place.js';

const config = '/etc/encap/node.yaml';
const unit = '/etc/systemd/system/encap.service';
const shared = [
  '/usr/local/share/man/man1/encap.1',
  '/usr/local/share/bash-completion/completions/encap',
  '/usr/local/share/zsh/site-functions/_encap',
  '/usr/local/share/fish/vendor_completions.d/encap.fish',
];
const enabled = '/etc/systemd/system/multi-user.target.wants';
const pins = '/sys/fs/bpf/encap';

const refused = { instanceOf: EncapError, code: 'INSTALL_REFUSED' } as const;

test('what is installed is told, and uninstalling leaves the file system as it was', async (t) => {
  const place = await Place.make(t);
  const tree = place.unpack('1.0.0');
  const before = place.snapshot();
  t.deepEqual(told(place.install(tree)), [
    'write /var',
    'write /var/lib',
    'write /var/lib/encap',
    'write /usr/local',
    'write /usr/local/bin',
    'write /etc',
    'write /etc/encap',
    'write /etc/systemd',
    'write /etc/systemd/system',
    'write /usr/local/share',
    'write /usr/local/share/man',
    'write /usr/local/share/man/man1',
    'write /usr/local/share/bash-completion',
    'write /usr/local/share/bash-completion/completions',
    'write /usr/local/share/zsh',
    'write /usr/local/share/zsh/site-functions',
    'write /usr/local/share/fish',
    'write /usr/local/share/fish/vendor_completions.d',
    'write /usr/local/bin/encap',
    `write ${config}`,
    'write /etc/encap/cluster.d',
    `write ${unit}`,
    ...shared.map((path) => `write ${path}`),
  ]);
  t.is(readlinkSync(place.at('/usr/local/bin/encap')), '/opt/encapd-1.0.0/dist/src/cli/main.js');
  t.is(lstatSync(place.at(config)).mode & 0o7777, 0o600);
  t.regex(
    readFileSync(place.at(unit), 'utf8'),
    /^ExecStart=\/usr\/bin\/node \/opt\/encapd-1\.0\.0\/dist\/src\/cli\/main\.js run -c \/etc\/encap\/node\.yaml$/m,
  );
  t.true(told(place.uninstall()).every((step) => step.startsWith('remove ')));
  t.is(place.snapshot(), before);
});

test('folders that were there before are nobody’s to remove', async (t) => {
  const place = await Place.make(t);
  for (const folder of ['/etc/encap', '/etc/systemd/system', '/usr/local/bin', '/var/lib'])
    mkdirSync(place.at(folder), { recursive: true });
  const tree = place.unpack('1.0.0');
  const before = place.snapshot();
  place.install(tree);
  place.uninstall();
  t.is(place.snapshot(), before);
});

test('a dry run tells the same steps and changes nothing', async (t) => {
  const place = await Place.make(t);
  const tree = place.unpack('1.0.0');
  const before = place.snapshot();
  const planned = place.install(tree, { dryRun: true });
  t.is(place.snapshot(), before);
  t.deepEqual(place.install(tree), planned);
  const after = place.snapshot();
  const removed = place.uninstall({ dryRun: true });
  t.is(place.snapshot(), after);
  t.deepEqual(place.uninstall(), removed);
});

test('an upgrade replaces command and unit, going back replaces them again, and nothing else is touched', async (t) => {
  const place = await Place.make(t);
  const [first, second] = [place.unpack('1.0.0'), place.unpack('2.0.0', '# more\n')];
  place.install(first);
  const before = place.snapshot();
  t.deepEqual(told(place.install(second)), [
    'replace /usr/local/bin/encap',
    `same ${config}`,
    'same /etc/encap/cluster.d',
    `replace ${unit}`,
    ...shared.map((path) => `same ${path}`),
  ]);
  t.regex(readFileSync(place.at(unit), 'utf8'), /encapd-2\.0\.0\/dist.*# more/s);
  t.true(told(place.install(second)).every((step) => step.startsWith('same ')));
  place.install(first);
  t.is(place.snapshot(), before);
});

test('a changed configuration is kept, at an upgrade and at the end', async (t) => {
  const place = await Place.make(t);
  const tree = place.unpack('1.0.0');
  place.install(tree);
  place.write(config, 'mine');
  t.true(told(place.install(tree)).includes(`keep ${config}`));
  const steps = place.uninstall();
  t.deepEqual(
    steps.filter(({ action }) => action === 'keep').map(({ path, what }) => [path, what]),
    [
      [config, 'it was changed since'],
      ['/etc/encap', 'something else is in it'],
      ['/etc', 'something else is in it'],
    ],
  );
  t.is(readFileSync(place.at(config), 'utf8'), 'mine');
});

test('a configuration that was there first is kept', async (t) => {
  const place = await Place.make(t);
  place.write(config, 'mine');
  const tree = place.unpack('1.0.0');
  const before = place.snapshot();
  t.true(told(place.install(tree)).includes(`keep ${config}`));
  place.uninstall();
  t.is(place.snapshot(), before);
});

for (const [what, change] of [
  ['changed', (place: Place) => writeFileSync(place.at(unit), 'mine', { flag: 'a' })],
  [
    'masked',
    (place: Place) => {
      rmSync(place.at(unit));
      symlinkSync('/dev/null', place.at(unit));
    },
  ],
] as const)
  test(`a unit that somebody ${what} stops an upgrade before anything is written`, async (t) => {
    const place = await Place.make(t);
    place.install(place.unpack('1.0.0'));
    change(place);
    const tree = place.unpack('2.0.0');
    const before = place.snapshot();
    t.throws(() => place.install(tree), { ...refused, message: /encap\.service/ });
    t.is(place.snapshot(), before);
  });

test('links on the way are refused, and one in the place of the configuration is not followed', async (t) => {
  const place = await Place.make(t);
  const tree = place.unpack('1.0.0');
  mkdirSync(place.at('/elsewhere'));
  mkdirSync(place.at('/etc'));
  symlinkSync('../elsewhere', place.at('/etc/encap'));
  t.throws(() => place.install(tree), { ...refused, message: /\/etc\/encap: it is no folder/ });
  rmSync(place.at('/etc/encap'));
  mkdirSync(place.at('/etc/encap'));
  place.write('/elsewhere/secret', 'theirs');
  symlinkSync('/elsewhere/secret', place.at(config));
  t.true(told(place.install(tree)).includes(`keep ${config}`));
  t.is(readFileSync(place.at('/elsewhere/secret'), 'utf8'), 'theirs');
});

test('what others can write is refused: a folder on the way, the program, the manifest', async (t) => {
  const place = await Place.make(t);
  const tree = place.unpack('1.0.0');
  const refuses = (path: string, mode: number): void => {
    const { mode: good } = lstatSync(place.at(path));
    chmodSync(place.at(path), mode);
    t.throws(() => place.install(tree), { ...refused, message: /can write there/ }, path);
    chmodSync(place.at(path), good);
  };
  mkdirSync(place.at('/etc'));
  refuses('/etc', 0o777);
  refuses('/etc', 0o1777);
  refuses('/opt', 0o757);
  refuses('/opt/encapd-1.0.0/dist/src/cli/main.js', 0o666);
  refuses('/usr/bin/node', 0o777);
  place.install(tree);
  refuses('/var/lib/encap/installed.json', 0o666);
});

test('what belongs to another user is refused', async (t) => {
  if (process.geteuid?.() !== 0) {
    t.log('skipped: only root can give files away');
    t.pass();
    return;
  }
  const place = await Place.make(t);
  const tree = place.unpack('1.0.0');
  mkdirSync(place.at('/etc'));
  chownSync(place.at('/etc'), 65534, 65534);
  t.throws(() => place.install(tree), { ...refused, message: /it belongs to user 65534/ });
});

test('a manifest that is damaged or names places outside is refused', async (t) => {
  const place = await Place.make(t);
  const tree = place.unpack('1.0.0');
  place.install(tree);
  const things = [{ path: '/etc/../../victim', marks: ['folder'] }];
  for (const text of [
    '',
    '{}',
    JSON.stringify({ apiVersion: 'encap/v1', kind: 'Installed', version: '1', tree: '/', things }),
  ]) {
    place.write('/var/lib/encap/installed.json', text);
    t.throws(() => place.uninstall(), { ...refused, message: /no list of what was installed/ });
  }
});

test('without a manifest there is nothing to uninstall', async (t) => {
  const place = await Place.make(t);
  t.throws(() => place.uninstall(), { ...refused, message: /installed\.json is not there/ });
});

test('while the datapath is attached or the service enabled, uninstalling is refused', async (t) => {
  const place = await Place.make(t);
  const tree = place.unpack('1.0.0');
  place.install(tree);
  mkdirSync(place.at(`${pins}/0123456789abcdef`), { recursive: true });
  const before = place.snapshot();
  t.throws(() => place.uninstall(), { ...refused, message: /the datapath is attached/ });
  rmSync(place.at(pins), { recursive: true });
  mkdirSync(place.at(enabled));
  symlinkSync(unit, place.at(`${enabled}/encap.service`));
  t.throws(() => place.uninstall(), { ...refused, message: /the service is enabled/ });
  rmSync(place.at(enabled), { recursive: true });
  mkdirSync(place.at(`${pins}/0123456789abcdef`), { recursive: true });
  t.is(place.snapshot(), before);
});

test('a tree outside the root, in a home, or without its parts is refused', async (t) => {
  const [place, other] = [await Place.make(t), await Place.make(t)];
  t.throws(() => place.install(other.unpack('1.0.0')), { ...refused, message: /is not below/ });
  const tree = place.unpack('1.0.0');
  place.write('/root/x', '');
  const home = `${place.root}/root/encapd`;
  mkdirSync(home, { recursive: true });
  t.throws(() => place.install(home), { ...refused, message: /it has no deploy/ });
  rmSync(`${tree}/dist/prebuilt/manifest.json`);
  t.throws(() => place.install(tree), { ...refused, message: /it has no dist\/prebuilt/ });
});

test('a service of what it could not see is refused', async (t) => {
  const place = await Place.make(t);
  const tree = place.unpack('1.0.0');
  mkdirSync(place.at('/home'));
  renameSync(tree, place.at('/home/encapd'));
  t.throws(() => place.install(place.at('/home/encapd')), {
    ...refused,
    message: /make a service/,
  });
});

test('an installation that breaks off anywhere can be repeated, and undone', async (t) => {
  const writes = 2 + 13; // the manifest, twice
  for (let broken = 1; broken <= writes; broken += 1)
    for (const upgrade of [false, true])
      for (const repeat of [false, true]) {
        const place = await Place.make(t);
        const [first, second] = [place.unpack('1.0.0'), place.unpack('2.0.0', '# more\n')];
        const before = place.snapshot();
        if (upgrade) place.install(first);
        const { ground } = place;
        const put = ground.put.bind(ground);
        let count = 0;
        ground.put = (path, content) => {
          count += 1;
          if (count === broken) throw new Error('power cut');
          put(path, content);
        };
        if (!upgrade || broken <= 4)
          t.throws(() => place.install(second), { message: 'power cut' });
        ground.put = put;
        // Until the manifest is there, empty folders may be left.
        const hasManifest = ground.markAt('/var/lib/encap/installed.json') !== undefined;
        if (repeat || !hasManifest) place.install(second);
        place.uninstall();
        if (hasManifest) t.is(place.snapshot(), before, `broken at ${broken}`);
      }
});

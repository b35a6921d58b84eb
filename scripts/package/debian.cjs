'use strict';
// The tree as a Debian package: /usr/lib/encapd, the command, the unit, the configuration as a conffile.

const { execFileSync } = require('node:child_process');
const {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} = require('node:fs');
const { join, relative } = require('node:path');
const { gzipSync } = require('node:zlib');
const { filesBelow, hashOf } = require('./files.cjs');
const { librariesOf } = require('./libraries.cjs');

const architectures = { x64: 'amd64', arm64: 'arm64' };
const home = 'usr/lib/encapd';

/** Writes the package and gives back its name. */
function debianPackage({ root, tree, version, out, scratch, seconds }) {
  const architecture = architectures[process.arch];
  if (architecture === undefined) throw new Error(`no name of Debian's for ${process.arch}`);
  const stage = join(scratch, 'debian');
  const put = (name, text, mode = 0o644) => {
    mkdirSync(join(stage, name, '..'), { recursive: true });
    writeFileSync(join(stage, name), text);
    chmodSync(join(stage, name), mode);
  };
  const from = (name) => readFileSync(join(root, 'deploy', name), 'utf8');

  cpSync(tree, join(stage, home), { recursive: true, verbatimSymlinks: true });
  // Here dpkg installs and knows the sums: what is for `encap install` is left out, and so it says what it is.
  for (const name of ['bin', 'deploy', 'share', 'SHA256SUMS'])
    rmSync(join(stage, home, name), { recursive: true });
  mkdirSync(join(stage, 'usr/bin'), { recursive: true });
  symlinkSync(`../lib/encapd/dist/src/cli/main.js`, join(stage, 'usr/bin/encap'));
  put('usr/lib/systemd/system/encap.service', from('systemd/encap.service'));
  put('usr/share/doc/encapd/copyright', copyright(readFileSync(join(root, 'LICENSE'), 'utf8')));
  for (const file of filesBelow(join(tree, 'share'))) {
    const name = relative(tree, file).replace('zsh/site-functions', 'zsh/vendor-completions');
    // Debian's policy, 12.1: manuals are compressed; zlib leaves the time out.
    if (name.includes('/man/')) put(`usr/${name}.gz`, gzipSync(readFileSync(file), { level: 9 }));
    else put(`usr/${name}`, readFileSync(file));
  }
  put('etc/encap/node.yaml', from('node.yaml'), 0o600);
  mkdirSync(join(stage, 'etc/encap/cluster.d'));

  put('DEBIAN/md5sums', md5sums(stage, 'usr'));
  put('DEBIAN/conffiles', '/etc/encap/node.yaml\n');
  for (const name of ['postinst', 'prerm', 'postrm'])
    put(`DEBIAN/${name}`, from(`debian/${name}`), 0o755);
  const addon = join(tree, `node_modules/libbpf-ts/prebuilds/linux-${process.arch}/libbpf_ts.node`);
  put(
    'DEBIAN/control',
    from('debian/control')
      .replace('VERSION', version)
      .replace('ARCHITECTURE', architecture)
      .replace('SIZE', String(Math.ceil(sizeOf(stage) / 1024)))
      .replace('LIBRARIES', librariesOf(addon).join(', ')),
  );

  const file = join(out, `encapd_${version}_${architecture}.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '-z1', '--build', stage, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return file;
}

function copyright(licence) {
  return `encapd is under the Apache License 2.0; the eBPF programs (usr/lib/encapd/bpf, and their objects in dist/prebuilt)
are under GPL-2.0-only or BSD-2-Clause, as each file says. Packages in node_modules have their own licences with them, also
those whose code is in dist/src.

${licence}`;
}

/** For `dpkg --verify`. */
function md5sums(stage, below) {
  return filesBelow(join(stage, below))
    .map((file) => `${hashOf('md5', file)}  ${file.slice(stage.length + 1)}\n`)
    .join('');
}

function sizeOf(stage) {
  return filesBelow(stage).reduce((sum, file) => sum + readFileSync(file).length, 0);
}

module.exports = { debianPackage };

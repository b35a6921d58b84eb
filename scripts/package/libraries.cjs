'use strict';
// Which of Debian's packages the addon's libraries are in, and from which version on.

const { execFileSync } = require('node:child_process');

/** By the name that the dynamic linker looks for. */
const packages = {
  'libbpf.so.1': () => 'libbpf1 (>= 1:1.1)',
  'libmnl.so.0': () => 'libmnl0 (>= 1.0)',
  'libc.so.6': (symbols) => `libc6 (>= ${newest(symbols, 'GLIBC')})`,
  'libstdc++.so.6': (symbols) => `libstdc++6 (>= ${compilerOf(newest(symbols, 'GLIBCXX'))})`,
  'libgcc_s.so.1': () => 'libgcc-s1',
};

/** GCC's releases by the last version of libstdc++'s symbols that they have. */
const compilers = { '3.4.29': 11, '3.4.30': 12, '3.4.32': 13, '3.4.33': 14, '3.4.34': 15 };

/** `libbpf1 (>= 1:1.1)` and so on, for a dependency field. */
function librariesOf(file) {
  const text = execFileSync('readelf', ['--dynamic', '--version-info', '--wide', file], {
    encoding: 'utf8',
  });
  const needed = [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name);
  return needed
    .filter((name) => !name.startsWith('ld-linux'))
    .map((name) => {
      if (packages[name] === undefined)
        throw new Error(`${file} needs ${name}: in which package is that?`);
      return packages[name](text);
    });
}

function newest(text, symbols) {
  const versions = [...text.matchAll(new RegExp(`\\b${symbols}_([0-9.]+)\\b`, 'g'))].map(
    ([, version]) => version,
  );
  return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}

function compilerOf(version) {
  const fits = Object.keys(compilers).find(
    (one) => one.localeCompare(version, 'en', { numeric: true }) >= 0,
  );
  if (fits === undefined) throw new Error(`which GCC has GLIBCXX_${version}?`);
  return compilers[fits];
}

module.exports = { librariesOf };

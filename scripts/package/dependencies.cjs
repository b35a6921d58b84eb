'use strict';
// What of node_modules a node needs: found by walking package-lock.json from the project's own dependencies.

const { readFileSync } = require('node:fs');
const { join, posix } = require('node:path');

/** The addon comes built: what npm calls its dependencies is what builds it. */
const built = 'node_modules/libbpf-ts';

/** Folders such as `node_modules/pino` of some of the project's dependencies and of theirs, without the addon's, sorted. */
function packagesOf(root, names) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const found = new Set();
  const queue = [''];
  for (let at = queue.pop(); at !== undefined; at = queue.pop())
    for (const name of Object.keys(packages[at].dependencies ?? {})) {
      if (at === '' && !names.includes(name)) continue;
      if (name.startsWith('@types/')) continue; // for a compiler's eyes alone
      const place = placeOf(packages, at, name);
      if (place === built || found.has(place)) continue;
      found.add(place);
      queue.push(place);
    }
  return [...found].sort();
}

/** As Node looks for it: in the package's own node_modules, then in those further out. */
function placeOf(packages, from, name) {
  for (let folder = from; ; folder = outer(folder)) {
    const place = posix.join(folder, 'node_modules', name);
    if (packages[place] !== undefined) return place;
    if (folder === '') throw new Error(`package-lock.json has no ${name} for ${from}: npm ci`);
  }
}

/** `node_modules/a/node_modules/@b/c` → `node_modules/a` → ``. */
function outer(folder) {
  const at = folder.lastIndexOf('/node_modules/');
  return at === -1 ? '' : folder.slice(0, at);
}

module.exports = { packagesOf };

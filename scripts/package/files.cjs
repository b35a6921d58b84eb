'use strict';
// Files of folders, in an order that is the same everywhere, and what they hash to.

const { createHash } = require('node:crypto');
const { readFileSync, readdirSync } = require('node:fs');
const { join } = require('node:path');

/** All regular files below a folder; links are left out. */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
    });
}

function hashOf(algorithm, file) {
  return createHash(algorithm).update(readFileSync(file)).digest('hex');
}

module.exports = { filesBelow, hashOf };

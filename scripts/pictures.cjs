'use strict';
// `npm run docs:pictures`: draws docs/pictures anew, from the examples, the frames of the tests and the dissector.

const { mkdirSync, writeFileSync } = require('node:fs');
const { join, resolve } = require('node:path');

const root = resolve(__dirname, '..');
const folder = join(root, 'docs/pictures');

import(join(root, 'dist/test/support/pictures.js')).then(async ({ pictures }) => {
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of await pictures()) {
    writeFileSync(join(folder, name), svg);
    console.log(join('docs/pictures', name));
  }
});

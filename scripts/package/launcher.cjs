#!/usr/bin/env node
'use strict';
// The command of a package. V8 compiled its chunks when the package was made (compile.cjs): with the Node that did so,
// what a command runs is not compiled again. Any other Node compiles for itself.

const { existsSync, readFileSync } = require('node:fs');
const Module = require('node:module');
const { basename, dirname, join } = require('node:path');
const { Script } = require('node:vm');

const compiled = join(__dirname, 'compiled', `${process.version}-${process.arch}`);

if (existsSync(compiled)) {
  const load = Module._extensions['.js'];
  Module._extensions['.js'] = (module, filename) => {
    const place = dirname(filename);
    const cachedData = place === __dirname ? compiledOf(basename(filename)) : undefined;
    if (cachedData === undefined) return load(module, filename);
    // V8 looks whether it can take the data, and compiles where it can't.
    const script = new Script(Module.wrap(readFileSync(filename, 'utf8')), {
      filename,
      cachedData,
    });
    const run = script.runInThisContext();
    const require = Module.createRequire(filename);
    run.call(module.exports, module.exports, require, module, filename, place);
  };
}

function compiledOf(name) {
  try {
    return readFileSync(join(compiled, name));
  } catch {
    return undefined;
  }
}

require('./program.js');

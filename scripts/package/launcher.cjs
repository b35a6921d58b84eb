#!/usr/bin/env node
'use strict';
// The command of a package. V8 compiled its chunks when the package was made (compile.cjs): with the Node that did so,
// what a command runs is not compiled again. Any other Node compiles for itself.

const { existsSync, readFileSync, readdirSync } = require('node:fs');
const Module = require('node:module');
const { basename, dirname, join } = require('node:path');
const { Script } = require('node:vm');

const compiled = join(__dirname, 'compiled', `${process.version}-${process.arch}`);

if (existsSync(compiled)) {
  const names = new Set(readdirSync(compiled));
  const load = Module._extensions['.js'];
  Module._extensions['.js'] = (module, filename) => {
    const [place, name] = [dirname(filename), basename(filename)];
    if (place !== __dirname || !names.has(name)) return load(module, filename);
    // V8 looks whether it can take the data, and compiles where it can't.
    const script = new Script(Module.wrap(readFileSync(filename, 'utf8')), {
      filename,
      cachedData: readFileSync(join(compiled, name)),
    });
    const run = script.runInThisContext();
    const require = Module.createRequire(filename);
    run.call(module.exports, module.exports, require, module, filename, place);
  };
}

require('./program.js');

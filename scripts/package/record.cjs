'use strict';
// Loaded before a package's command: when that ends, what V8 has compiled of each chunk is written.

const { readFileSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const { basename, join } = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');

const { cli, folder, chunks } = JSON.parse(process.env.RECORD);
const scripts = new Map();

vm.Script = class extends vm.Script {
  constructor(code, options) {
    // V8 keeps the name, which stack traces show: not one of this machine. (Cut from the path, it would bring that along.)
    const filename = Buffer.from(basename(options.filename)).toString();
    super(code, { ...options, filename });
    scripts.set(filename, this);
  }
};

process.on('exit', (code) => {
  if (code !== 0) return;
  v8.setFlagsFromString('--hash-seed=0'); // V8 takes what was made under the flags that it has itself
  for (const name of chunks) {
    if (!scripts.has(name))
      new vm.Script(Module.wrap(readFileSync(join(cli, name), 'utf8')), { filename: name });
    writeFileSync(join(folder, name), scripts.get(name).createCachedData());
  }
});

'use strict';
// dist/src as fewer files, for Node takes half of a short command's time to find and load modules one by one: chunks
// beside the command, each with what is always needed together, so that a verb still loads no more than it needs.

const { basename, join } = require('node:path');
const { buildSync } = require('esbuild');

/** Of src, what is run without being imported. */
const programs = ['cli/main.js', 'bench/generators/connect-endpoint.js'];

/** What stays a package of its own: has files beside its code (an addon, a worker), or is large and seldom needed. */
const apart = [
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  '@kubernetes/client-node',
  '@viz-js/viz',
  'libbpf-ts',
  'pino',
  'pino-pretty',
  'vega',
  'vega-lite',
];

/** What the CommonJS among the packages calls: ES modules have none. */
const banner =
  "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);";

/**
 * Writes the bundle to a folder, all of it beside the command: as deep as the modules were that look for files from
 * where they are. Gives back the folders of the packages that have become part of it.
 */
function bundle(root, folder) {
  const { metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: programs.map((name) => ({
      in: join('dist/src', name),
      out: basename(name, '.js'),
    })),
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: apart,
    banner: { js: banner },
    metafile: true,
    logLevel: 'warning',
  });
  const packages = Object.keys(metafile.inputs).flatMap(
    (file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [],
  );
  return [...new Set(packages)].sort();
}

module.exports = { apart, bundle };

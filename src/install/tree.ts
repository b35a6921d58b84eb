import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EncapError } from '../errors.js';
import type { Ground } from './ground.js';

/** The unpacked package that this command is part of. */
export const treeFolder = realpathSync(fileURLToPath(new URL('../../..', import.meta.url)));

/** An unpacked package: paths as they are below the root. */
export interface Tree {
  readonly folder: string;
  readonly version: string;
  /** The unit as the Debian package has it; undefined: the package manager's own files are elsewhere. */
  readonly unit: string;
  readonly config: string;
  /** What goes below a share folder. */
  readonly shared: readonly Shared[];
}

/** A file that man or a shell looks for: its path, counted from the share folder. */
export interface Shared {
  readonly path: string;
  readonly text: string;
  readonly what: string;
}

const sharedFiles = {
  'man/man1/encap.1': 'the manual',
  'bash-completion/completions/encap': 'the Tab key of bash',
  'zsh/site-functions/_encap': 'of zsh',
  'fish/vendor_completions.d/encap.fish': 'of fish',
} as const;

/** Reads what `encap install` is made from, and refuses what a service cannot be started from. */
export function readTree(ground: Ground, folder = treeFolder): Tree {
  const below = relative(ground.root, folder);
  if (below.startsWith('..'))
    throw new EncapError(`cannot install ${folder}: it is not below ${ground.root}`, {
      code: 'INSTALL_REFUSED',
      why: 'the service starts the unpacked package where it is',
      hint: `unpack it there and use its own command: tar -xzf PACKAGE -C ${join(ground.root, 'opt')}`,
    });
  const needed = [
    'deploy/systemd/encap.service',
    'deploy/node.yaml',
    main,
    'dist/prebuilt/manifest.json',
    ...Object.keys(sharedFiles).map((path) => `share/${path}`),
  ];
  const missing = needed.find((name) => !existsSync(join(folder, name)));
  if (missing !== undefined)
    throw new EncapError(`cannot install ${folder}: it has no ${missing}`, {
      code: 'INSTALL_REFUSED',
      why: 'only an unpacked package has all that is needed; a Debian package is installed by apt already',
      hint: 'make a package with npm run package, unpack it and use its own command',
    });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { readonly version: string };
  return {
    folder: `/${below}`,
    version,
    unit: read('deploy/systemd/encap.service'),
    config: read('deploy/node.yaml'),
    shared: Object.entries(sharedFiles).map(([path, what]) => ({
      path,
      text: read(`share/${path}`),
      what,
    })),
  };
}

/** The command, counted from the tree. */
export const main = 'dist/src/cli/main.js';

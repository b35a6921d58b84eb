import { EncapError } from '../errors.js';
import type { Content, Ground } from './ground.js';
import { manifestPath } from './manifest.js';
import { main, type Tree } from './tree.js';

/** One thing that an installation consists of. */
export interface Thing {
  readonly path: string;
  readonly content: Content;
  /** What it is, for those who read the report. */
  readonly what: string;
  /** The user's from the moment that it is there: kept when it was changed. */
  readonly isTheirs: boolean;
}

/** Where the Debian package has the tree and Node: the unit says so, and is told otherwise. */
const packaged = { tree: '/usr/lib/encapd', node: '/usr/bin/node' } as const;

export const unitPath = '/etc/systemd/system/encap.service';

/** `systemctl enable` makes it. */
export const enabledPath = '/etc/systemd/system/multi-user.target.wants/encap.service';

/** What belongs on a node, in the order in which it is made: the folders that are missing before what is in them. */
export function thingsOf(ground: Ground, tree: Tree, prefix: string): readonly Thing[] {
  const node = nodeOf(ground);
  const program = `${tree.folder}/${main}`;
  for (const path of [node, program]) {
    ground.guardFile(path);
    refuseHidden(path);
  }
  const unit = tree.unit.replaceAll(packaged.node, node).replaceAll(packaged.tree, tree.folder);
  const files: readonly Thing[] = [
    thing(`${prefix}/bin/encap`, { kind: 'link', target: program }, 'the command'),
    {
      ...thing('/etc/encap/node.yaml', file(tree.config, 0o600), 'the configuration of this node'),
      isTheirs: true,
    },
    thing('/etc/encap/cluster.d', { kind: 'folder' }, 'for files with Calico resources'),
    thing(unitPath, file(unit, 0o644), 'the service'),
    ...tree.shared.map(({ path, text, what }) =>
      thing(`${prefix}/share/${path}`, file(text, 0o644), what),
    ),
  ];
  const paths = [manifestPath, ...files.map(({ path }) => path)];
  const folders = new Set(paths.flatMap((path) => ground.missingAbove(path)));
  return [...[...folders].map((path) => thing(path, { kind: 'folder' }, 'a folder')), ...files];
}

function thing(path: string, content: Content, what: string): Thing {
  return { path, content, what, isTheirs: false };
}

function file(text: string, mode: number): Content {
  return { kind: 'file', text, mode };
}

/** The Node that runs this, where the root has it too. */
function nodeOf(ground: Ground): string {
  const found = [process.execPath, packaged.node].find((path) => ground.markAt(path) !== undefined);
  if (found !== undefined) return found;
  throw new EncapError(`cannot install below ${ground.root}: there is no Node`, {
    code: 'INSTALL_REFUSED',
    why: `neither ${process.execPath} nor ${packaged.node} is there`,
    hint: 'install Node 20.19 or newer there first',
  });
}

/** The unit has ProtectHome and PrivateTmp; and its words are split at blanks. */
function refuseHidden(path: string): void {
  const why = /^\/(home|root|run\/user|tmp|var\/tmp)\//.test(path)
    ? 'the service sees neither homes nor temporary folders'
    : /[^\w./@+-]/.test(path)
      ? 'a unit of systemd would not take its name as it is'
      : undefined;
  if (why === undefined) return;
  throw new EncapError(`cannot make a service of ${path}: ${why}`, {
    code: 'INSTALL_REFUSED',
    hint: 'unpack the package below /opt, and use a Node that is installed for all (apt, /usr/local)',
  });
}

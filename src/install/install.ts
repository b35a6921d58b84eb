import { EncapError } from '../errors.js';
import { type Ground, markOf } from './ground.js';
import { manifestPath, type Manifest, readManifest, writeManifest } from './manifest.js';
import { type Thing, thingsOf } from './things.js';
import type { Tree } from './tree.js';

/** What was done with a thing, or would be. */
export interface Step {
  readonly action: 'write' | 'replace' | 'same' | 'keep' | 'remove' | 'gone';
  readonly path: string;
  /** What it is, or why it stays. */
  readonly what: string;
}

export interface InstallOptions {
  readonly ground: Ground;
  readonly tree: Tree;
  readonly prefix: string;
  readonly dryRun: boolean;
}

/** Puts a package in service; what somebody changed is kept (configuration) or stops it before anything is written. */
export function install({ ground, tree, prefix, dryRun }: InstallOptions): readonly Step[] {
  const before = readManifest(ground);
  const things = thingsOf(ground, tree, prefix);
  for (const { path } of things) ground.guard(path);
  const planned = things.map((thing) => ({ thing, step: stepOf(ground, thing, marksIn(before)) }));
  if (!dryRun) {
    const written = planned.filter(
      ({ step: { action } }) => action === 'write' || action === 'replace',
    );
    const folders = written.filter(({ thing }) => thing.content.kind === 'folder');
    // The manifest's own folder comes before it, and it comes before what else it lists.
    const [own, others] = split(folders, ({ thing }) => manifestPath.startsWith(`${thing.path}/`));
    for (const { thing } of own) ground.put(thing.path, thing.content);
    writeManifest(ground, manifestOf(tree, planned, before, 'before'));
    for (const { thing } of [...others, ...written.filter((one) => !folders.includes(one))])
      ground.put(thing.path, thing.content);
    writeManifest(ground, manifestOf(tree, planned, before, 'after'));
  }
  return planned.map(({ step }) => step);
}

interface Planned {
  readonly thing: Thing;
  readonly step: Step;
}

function stepOf(
  ground: Ground,
  { path, content, what, isTheirs }: Thing,
  known: ReadonlyMap<string, readonly string[]>,
): Step {
  const now = ground.markAt(path);
  if (now === undefined) return { action: 'write', path, what };
  if (now === markOf(content)) return { action: 'same', path, what };
  if (known.get(path)?.includes(now) === true) return { action: 'replace', path, what };
  if (isTheirs) return { action: 'keep', path, what: `${what}: it was changed, or is not ours` };
  throw new EncapError(`cannot write ${ground.at(path)}: it was changed, or is not ours`, {
    code: 'INSTALL_REFUSED',
    hint: `move it away; changes of your own belong into /etc/encap, or a drop-in of systemd (systemctl edit encap)`,
  });
}

function marksIn(manifest: Manifest | undefined): ReadonlyMap<string, readonly string[]> {
  return new Map(manifest?.things.map(({ path, marks }) => [path, marks]));
}

/** What is ours then: all of the earlier installation that is still there, and what is written now. */
function manifestOf(
  { version, folder }: Tree,
  planned: readonly Planned[],
  before: Manifest | undefined,
  moment: 'before' | 'after',
): Manifest {
  const known = new Map(marksIn(before));
  for (const { thing, step } of planned) {
    if (step.action !== 'write' && step.action !== 'replace') continue;
    const old = moment === 'before' ? (known.get(thing.path) ?? []) : [];
    known.set(thing.path, [...new Set([markOf(thing.content), ...old])]);
  }
  return {
    apiVersion: 'encap/v1',
    kind: 'Installed',
    version,
    tree: folder,
    things: [...known].map(([path, marks]) => ({ path, marks: [...marks] })),
  };
}

function split<T>(all: readonly T[], first: (one: T) => boolean): readonly [T[], T[]] {
  return [all.filter(first), all.filter((one) => !first(one))];
}

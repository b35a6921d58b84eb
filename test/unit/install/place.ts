import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Ground } from '../../../src/install/ground.js';
import { install, type Step } from '../../../src/install/install.js';
import { readTree } from '../../../src/install/tree.js';
import { uninstall } from '../../../src/install/uninstall.js';
import { root as project } from '../../cli/encap.js';

const shared = [
  'share/man/man1/encap.1',
  'share/bash-completion/completions/encap',
  'share/zsh/site-functions/_encap',
  'share/fish/vendor_completions.d/encap.fish',
];

/** A root folder with a Node and one or more unpacked packages, as a machine would have them. */
export class Place {
  private constructor(
    readonly root: string,
    readonly ground: Ground,
  ) {}

  static async make(t: ExecutionContext): Promise<Place> {
    const root = mkdtempSync(join(tmpdir(), 'encap-install-'));
    t.teardown(() => rmSync(root, { recursive: true, force: true }));
    const place = new Place(root, await Ground.below(root));
    place.write('/usr/bin/node', '');
    return place;
  }

  at(path: string): string {
    return join(this.root, path);
  }

  write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), text);
    chmodSync(this.at(path), mode);
  }

  /** A package of this version: the real unit and configuration, the rest by name only. */
  unpack(version: string, unit = ''): string {
    const tree = `/opt/encapd-${version}`;
    const copied = ['deploy/systemd/encap.service', 'deploy/node.yaml'] as const;
    for (const name of copied) {
      const text = execFileSync('cat', [join(project, name)], { encoding: 'utf8' });
      this.write(`${tree}/${name}`, name === copied[0] ? text + unit : text);
    }
    for (const name of ['dist/src/cli/main.js', 'dist/prebuilt/manifest.json', ...shared])
      this.write(`${tree}/${name}`, '');
    this.write(`${tree}/package.json`, JSON.stringify({ version }));
    return this.at(tree);
  }

  install(tree: string, { dryRun = false, prefix = '/usr/local' } = {}): readonly Step[] {
    return install({ ground: this.ground, tree: readTree(this.ground, tree), prefix, dryRun });
  }

  uninstall({ dryRun = false } = {}): readonly Step[] {
    return uninstall({ ground: this.ground, pins: '/sys/fs/bpf/encap', dryRun }).steps;
  }

  /** Everything below the root: kind, mode, path, link and contents. */
  snapshot(): string {
    return execFileSync(
      'sh',
      ['-c', `find . -printf '%y %m %p %l\\n' | sort; find . -type f -exec sha256sum {} + | sort`],
      { cwd: this.root, encoding: 'utf8' },
    );
  }
}

/** The steps as `action path`. */
export function told(steps: readonly Step[]): readonly string[] {
  return steps.map(({ action, path }) => `${action} ${path}`);
}

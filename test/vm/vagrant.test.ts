import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { root } from '../cli/encap.js';
import { skips } from '../support/needs.js';

const run = promisify(execFile);

/** Vagrant on our Vagrantfile, with nothing kept in anybody's home. */
async function vagrant(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'encap-vagrant.'));
  try {
    const { stdout } = await run('vagrant', args, {
      cwd: join(root, 'vagrant'),
      env: {
        ...process.env,
        ...env,
        VAGRANT_HOME: home,
        VAGRANT_DOTFILE_PATH: join(home, 'dot'),
        VAGRANT_CHECKPOINT_DISABLE: '1',
      },
    });
    return stdout;
  } finally {
    rmSync(home, { recursive: true });
  }
}

const settings: readonly NodeJS.ProcessEnv[] = [
  {},
  { ENCAP_VAGRANT_NODES: '2', ENCAP_VAGRANT_DRIVER: 'qemu', ENCAP_VAGRANT_BOX: 'encap/debian' },
  { ENCAP_VAGRANT_OVERLAY: 'ipip', ENCAP_VAGRANT_KERNEL: 'node-a=6.12,node-b=7.1' },
  { ENCAP_VAGRANT_OVERLAY: 'mixed', ENCAP_VAGRANT_KERNEL: '6.12', VAGRANT_DEFAULT_PROVIDER: '' },
];

for (const env of settings)
  test.serial(`vagrant validate, with ${JSON.stringify(env)}`, async (t) => {
    if (skips(t, 'vagrant')) return;
    t.regex(await vagrant(['validate'], env), /validated successfully/);
  });

test.serial(
  'the machines are those of the labs: a router where there are two subnets',
  async (t) => {
    if (skips(t, 'vagrant')) return;
    const machines = async (nodes: string): Promise<readonly string[]> => {
      const text = await vagrant(['status', '--machine-readable'], {
        ENCAP_VAGRANT_NODES: nodes,
        VAGRANT_DEFAULT_PROVIDER: 'libvirt',
      });
      return [...text.matchAll(/^\d+,([\w-]+),metadata,provider/gm)].map(([, name]) => name ?? '');
    };
    t.deepEqual(await machines('2'), ['node-a', 'node-b']);
    t.deepEqual(await machines('3'), ['router', 'node-a', 'node-b', 'node-c']);
  },
);

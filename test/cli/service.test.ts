import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { skips } from '../support/needs.js';
import { main, root } from './encap.js';
import { inNode } from './node.js';

const text = readFileSync(join(root, 'deploy/systemd/encap.service'), 'utf8');

/** Values of a setting of the unit, in order. */
function settings(name: string): readonly string[] {
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value ?? '');
}

/** The unit with the paths of this checkout: systemd looks whether they are there. */
function unitHere(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'encap-unit-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'encap.service');
  const here = text
    .replaceAll('/usr/bin/node', process.execPath)
    .replaceAll('/usr/lib/encapd', root);
  writeFileSync(file, here);
  return file;
}

test('systemd-analyze verify finds nothing in the unit', (t) => {
  if (lacksSystemd(t)) return;
  const args = ['verify', '--man=no', unitHere(t)];
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  t.is(stdout + stderr, '');
  t.is(status, 0);
});

test('systemd-analyze security calls the exposure OK: 2.5 of 10, and no more', (t) => {
  if (lacksSystemd(t)) return;
  const args = ['security', '--offline=yes', '--no-pager', '--threshold=25', unitHere(t)];
  const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  t.is(status, 0, stdout);
  t.regex(stdout, /Overall exposure level for encap\.service: \d\.\d OK/);
});

test('stopping the service runs nothing, and the state of the datapath outlives it', (t) => {
  for (const name of ['ExecStop', 'ExecStopPost', 'ExecStartPre']) t.deepEqual(settings(name), []);
  t.deepEqual(settings('RuntimeDirectoryPreserve'), ['yes']);
  t.deepEqual(settings('Restart'), ['on-failure']);
  t.deepEqual(settings('Type'), ['notify']);
});

test.serial(
  'with the capabilities of the unit an agent starts, follows and ends; without any of them it says which',
  async (t) => {
    if (skips(t, 'setpriv', 'unshare', 'ip')) return;
    t.timeout(60_000);
    const [capabilities = ''] = settings('CapabilityBoundingSet');
    const all = capabilities.split(' ').map((name) => name.replace('CAP_', '').toLowerCase());
    t.deepEqual([...all].sort(), ['bpf', 'net_admin', 'perfmon']);
    const agent = (granted: readonly string[]) => {
      const bound = ['-all', ...granted.map((name) => `+${name}`)].join(',');
      const words = ['setpriv', '--no-new-privs', '--bounding-set', bound, '--inh-caps', bound];
      return inNode(
        t,
        `
      ${words.join(' ')} "$0" ${main} run -f ${join(root, 'examples/two')} --node node-a --log-format json > "$OUT/log" 2>&1 &
      for i in $(seq 200); do
        grep -q '"msg":"ready"' "$OUT/log" && break
        kill -0 $! 2>/dev/null || break
        sleep 0.1
      done
      ip route del 10.244.0.0/16 dev eth0 2>/dev/null && sleep 1
      kill -TERM $! 2>/dev/null || true
      code=0; wait $! || code=$?
      ip route show proto 147
      cat "$OUT/log"
      exit $code`,
      );
    };
    const whole = await agent(all);
    t.is(whole.code, 0, whole.stdout);
    t.regex(
      whole.stdout,
      /^10\.244\.0\.0\/16 via .* dev eth0/m,
      'the route that was removed is back',
    );
    for (const [absent, said] of [
      ['bpf', /lacks CAP_BPF/],
      ['net_admin', /lacks CAP_NET_ADMIN/],
      ['perfmon', /the verifier rejects it[^]*prohibited for !root/],
    ] as const) {
      const { code, stdout } = await agent(all.filter((name) => name !== absent));
      t.regex(stdout, said, absent);
      t.not(code, 0);
    }
  },
);

function lacksSystemd(t: ExecutionContext): boolean {
  try {
    execFileSync('systemd-analyze', ['--version']);
    return false;
  } catch {
    t.log('skipped: no systemd-analyze (package systemd)');
    t.pass();
    return true;
  }
}

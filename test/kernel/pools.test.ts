import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { pingDuring } from '../../src/lab/demo/stream.js';
import { endpoint } from '../../src/lab/endpoint.js';
import { ping, pingOnce } from '../../src/lab/ping.js';
import type { Lab } from '../../src/lab/state.js';
import { addWorkloads } from '../../src/lab/workload.js';
import { labOf } from '../support/lab.js';
import { skips } from '../support/needs.js';
import { within } from '../support/slowness.js';

const examples = fileURLToPath(new URL('../../../examples', import.meta.url));

test.serial(
  'an IPIP pool comes beside a VXLAN pool under traffic, and each pair goes as the destination’s pool says',
  async (t) => {
    if (skips(t, 'ip', 'nsenter', 'ping', 'tcpdump')) return;
    const manifests = mkdtempSync(join(tmpdir(), 'lab-pools-'));
    t.teardown(() => rmSync(manifests, { recursive: true }));
    cpSync(join(examples, 'crosssubnet'), manifests, { recursive: true });
    const lab = await labOf(t, 'crosssubnet', { name: 'test-pools', manifests });

    const [a1, c1] = [endpoint(lab, 'a1'), endpoint(lab, 'c1')];
    const { sent, answered } = await pingDuring(a1, c1, async () => {
      const grown = await addWorkloads(lab, {
        'node-a': { name: 'a3', address: '10.245.1.5' },
        'node-b': { name: 'b3', address: '10.245.2.5' },
        'node-c': { name: 'c3', address: '10.245.3.5' },
      });
      cpSync(join(examples, 'ipip-beside'), manifests, { recursive: true });
      await untilAllAnswer(grown);
    });
    t.true(sent > 20, `${sent} echo requests`);
    t.is(answered, sent, 'traffic of the first pool lost nothing');

    const pings = await ping({ name: lab.name });
    t.deepEqual(
      pings
        .map(({ from, to, how = 'unseen', reached }) => ({
          pair: `${from.name} > ${to.name}`,
          went: reached ? how : 'lost',
          expected: wayOf(from.name, to.name),
        }))
        .filter(({ went, expected }) => went !== expected),
      [],
    );
  },
);

/** The destination's pool decides: 3 is in ipip-pool (Always), 1 and 2 in the VXLAN pool (CrossSubnet). */
function wayOf(from: string, to: string): string {
  if (from[0] === to[0]) return 'local';
  if (to.endsWith('3')) return 'ipip';
  return [from[0], to[0]].includes('c') ? 'vxlan' : 'direct';
}

/** Within the second that a change of resources may take, and some patience for a busy machine. */
async function untilAllAnswer(lab: Lab): Promise<void> {
  const pairs = [
    ['a3', 'c3'],
    ['b3', 'a3'],
    ['c3', 'b3'],
  ] as const;
  const deadline = Date.now() + within(10_000);
  for (const [from, to] of pairs)
    while ((await pingOnce(endpoint(lab, from), endpoint(lab, to))) === undefined) {
      if (Date.now() > deadline) return; // the matrix will show it
      await sleep(50);
    }
}

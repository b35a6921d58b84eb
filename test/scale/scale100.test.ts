import { existsSync } from 'node:fs';
import test from 'ava';
import { down } from '../../src/lab/down.js';
import { namespacePath } from '../../src/lab/namespace.js';
import { ping } from '../../src/lab/ping.js';
import { labNames } from '../../src/lab/state.js';
import { status } from '../../src/lab/status.js';
import { up } from '../../src/lab/up.js';
import { skips } from '../support/needs.js';

const name = 'test-scale100';

test('in the lab scale100 every workload reaches the next: inside its subnet directly, elsewhere by VXLAN', async (t) => {
  if (skips(t, 'ip', 'nsenter', 'ping', 'tcpdump')) return;
  t.timeout(900_000);
  t.teardown(() => (labNames().includes(name) ? down(name) : undefined));
  const lab = await up('scale100', { name });
  t.is(lab.nodes.length, 100);
  const [stands] = status(name);
  t.true(stands?.healthy);
  t.deepEqual([...new Set(stands?.nodes.map(({ agent }) => agent))], ['ended']);

  const pings = await ping({ name, ring: true });
  t.is(pings.length, 100);
  t.deepEqual(
    pings.filter(({ reached }) => !reached).map(({ from, to }) => `${from.name} > ${to.name}`),
    [],
  );
  // n01 to n25, e01 to e25, and so on: the first letter is the subnet.
  for (const { from, to, how } of pings)
    t.is(how, from.node[0] === to.node[0] ? 'direct' : 'vxlan', `${from.name} > ${to.name}`);
  t.is(pings.filter(({ how }) => how === 'vxlan').length, 4);

  await down(name);
  t.deepEqual(
    lab.namespaces.map((one) => namespacePath(one.name)).filter((path) => existsSync(path)),
    [],
  );
});

import test from 'ava';
import { pino } from 'pino';
import { World } from '../../../src/agent/world.js';
import { fitWarnings } from '../../../src/decide/fit.js';
import type { NodeName } from '../../../src/model/node.js';
import { block, node, pool, world } from '../decide/worlds.js';

test('what is odd is logged once, that which the underlay’s MTU makes odd too', (t) => {
  const lines: { readonly msg: string; readonly warning?: string }[] = [];
  const write = (line: string): unknown => lines.push(JSON.parse(line) as (typeof lines)[number]);
  const log = pino({ level: 'warn' }, { write });
  const agent = new World('a' as NodeName, log);
  const inventory = world({
    pools: [
      pool('outer', 'fd00:10::/32', { vxlan: 'CrossSubnet' }),
      pool('inner', 'fd00:10:1::/48', { vxlan: 'Always' }),
    ],
    nodes: [node('a', { bgp6: 'fd00:16::1/64', vxlan6: 'fd00:10:1::' })],
    blocks: [block('fd00:10:1::/122', 'a')],
  });
  t.true(agent.take({ inventory, problems: [] }));
  for (const mtu of [1500, 1300, 1300]) {
    const decided = agent.decide();
    t.truthy(decided);
    if (decided !== undefined) agent.warn(fitWarnings(decided, mtu));
  }
  t.deepEqual(
    lines.map(({ msg, warning }) => `${msg}: ${String(warning).slice(0, 60)}`),
    [
      'decided with a warning: IPPool inner: it lies in a CrossSubnet pool: Always behaves ',
      "decided with a warning: IPPool inner: the underlay's 1300 leaves 1230 bytes, and IPv",
    ],
  );
});

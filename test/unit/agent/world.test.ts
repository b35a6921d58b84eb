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

test('blocks that changed in several readings are decided together, anything else from scratch', (t) => {
  const agent = new World('a' as NodeName, pino({ level: 'silent' }));
  const cluster = (owners: readonly string[]) =>
    world({
      pools: [pool('p', '10.1.0.0/16', { vxlan: 'Always' })],
      nodes: ['a', 'b', 'c'].map((name, place) =>
        node(name, { bgp: `172.16.0.${place + 1}/24`, vxlan: `10.1.9.${place}` }),
      ),
      blocks: owners.map((owner, place) => block(`10.1.${place}.0/26`, owner)),
    });
  const reading = (owners: readonly string[], ...changed: readonly number[]) => {
    const blocks = changed.map((place) => block(`10.1.${place}.0/26`, owners[place]));
    return {
      inventory: cluster(owners),
      problems: [],
      changed: new Map(blocks.map((one) => [one.cidr, one])),
    };
  };
  agent.take({ inventory: cluster(['a', 'b', 'b']), problems: [] });
  t.false(agent.isSmallChange);
  t.is(agent.decide()?.touched, undefined);
  agent.take(reading(['a', 'c', 'b'], 1));
  agent.take({ inventory: undefined, problems: [] });
  agent.take(reading(['a', 'c', 'c'], 2));
  t.true(agent.isSmallChange);
  t.deepEqual([...(agent.decide()?.touched?.keys() ?? [])].map(String), [
    '10.1.1.0/26',
    '10.1.2.0/26',
  ]);
  agent.take(reading(['a', 'b', 'c'], 1));
  agent.take({ inventory: cluster(['a', 'b', 'b']), problems: [] });
  t.is(agent.decide()?.touched, undefined);
  t.is(agent.decide()?.touched?.size, 0);
  agent.forget();
  t.is(agent.decide()?.touched, undefined);
});

import test from 'ava';
import fc from 'fast-check';
import type { Inventory } from '../../../src/model/inventory.js';
import { Ledger, type LedgerOptions } from '../../../src/sources/ledger.js';
import type { Reading } from '../../../src/sources/source.js';
import { Unreadable } from '../../../src/sources/understood.js';
import { block, felix, node, pool, written } from '../model/written.js';

type Resources = ReadonlyMap<string, unknown>;

function listed(ledger: Ledger, resources: Resources): Reading {
  const list = ledger.list();
  for (const [key, resource] of resources) list.add(key, resource);
  return ledger.whole(list);
}

/** What decisions are made of; blocks in the order of their CIDRs. */
function essence(inventory: Inventory | undefined): unknown {
  if (inventory === undefined) return undefined;
  const blocks = [...inventory.blocks]
    .map(({ cidr, node: owner, allocations }) => ({
      cidr,
      owner,
      borrowed: [...allocations].filter(([, who]) => who !== undefined && who !== owner),
    }))
    .sort((a, b) => (a.cidr < b.cidr ? -1 : 1));
  return { ...inventory, blocks };
}

const nameOf = (cidr: string): string => cidr.replace(/[./]/g, '-');
const cidrs = ['10.1.0.0/26', '10.1.0.64/26', '10.1.1.0/26', '10.9.0.0/26'];
const bgp = (octet: number): object => ({ bgp: { ipv4Address: `172.16.0.${octet}/24` } });

/** Any resource of a small cluster, now and then one with a fault; undefined: it is taken away. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        cidr: fc.constantFrom(...cidrs),
        owner: fc.constantFrom('host:a', 'host:b', 'host:stranger', 'nobody', undefined),
        spec: fc.constantFrom({}, {}, {}, { deleted: null }, { cidr: 7 }, { wrong: true }),
      })
      .map(({ cidr, owner, spec }) => [
        nameOf(cidr),
        owner && block(cidr, { affinity: owner, ...spec }),
      ]),
  },
  fc
    .record({ name: fc.constantFrom('a', 'b'), octet: fc.constantFrom(1, 2, 300, undefined) })
    .map(({ name, octet }) => [`nodes/${name}`, octet && node(bgp(octet), name)]),
  fc
    .record({
      name: fc.constantFrom('p', 'q'),
      mode: fc.constantFrom('Always', 'Never', 'Sometimes', undefined),
    })
    .map(({ name, mode }) => [
      `pools/${name}`,
      mode && pool({ cidr: name === 'p' ? '10.1.0.0/16' : '10.1.0.0/20', vxlanMode: mode }, name),
    ]),
  fc
    .constantFrom(4096, 5000, 'many', undefined)
    .map((vni) => ['felix', vni === undefined ? undefined : felix({ vxlanVNI: vni })]),
) as fc.Arbitrary<[string, unknown]>;

const steps = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 12 });

test('change by change or all at once: the same world, and no changed block is left out', (t) => {
  let small = 0;
  fc.assert(
    fc.property(steps, (rounds) => {
      const place = (key: string): string => `at:${key}`;
      const options: LedgerOptions = { environment: {}, node: 'a', holdMs: 0, place };
      const [single, whole] = [new Ledger(options), new Ledger(options)];
      const resources = new Map<string, unknown>([['nodes/a', node(bgp(1), 'a')]]);
      let before = listed(single, resources).inventory;
      listed(whole, resources);
      for (const round of rounds) {
        const changes = new Map(round);
        for (const [key, resource] of changes)
          if (resource === undefined) resources.delete(key);
          else resources.set(key, resource);
        const old = [...(before?.blocks ?? [])];
        const { inventory, problems, changed } = single.change(changes);
        const all = listed(whole, resources);
        t.deepEqual(essence(inventory), essence(all.inventory));
        t.deepEqual(problems, all.problems);
        if (changed !== undefined) {
          small += 1;
          const after = new Map([...(inventory?.blocks ?? [])].map((one) => [one.cidr, one]));
          for (const one of old) if (!changed.has(one.cidr)) t.deepEqual(after.get(one.cidr), one);
          for (const [cidr, one] of changed) t.deepEqual(after.get(cidr), one);
        }
        before = inventory;
      }
    }),
    { numRuns: 100 },
  );
  t.true(small > 30);
});

const cluster = new Map<string, unknown>([
  ['nodes/a', node(bgp(1), 'a')],
  ['pools/p', pool({ cidr: '10.1.0.0/16', vxlanMode: 'Always' }, 'p')],
  ['10-1-0-0-26', block('10.1.0.0/26', { affinity: 'host:a' })],
]);

const refusals: readonly (readonly [title: string, value: unknown, message: RegExp])[] = [
  ['null', null, /this is nothing/],
  ['text', 'garbage', /this is the text "garbage"/],
  ['a spec that is a number', { ...block('10.1.0.0/26'), spec: 7 }, /expected a map, found 7/],
  ['a CIDR that is none', block('10.1.0.0/99'), /10.1.0.0\/99/],
  [
    'what its source could not read',
    new Unreadable(
      {
        apiVersion: 'crd.projectcalico.org/v1',
        kind: 'IPAMBlock',
        metadata: { name: '10-1-0-0-26' },
      },
      'not JSON',
    ),
    /not JSON/,
  ],
  [
    'what is nested too deeply',
    {
      ...block('10.1.0.0/26'),
      spec: JSON.parse('['.repeat(9000) + ']'.repeat(9000)) as unknown,
    },
    /64 levels/,
  ],
];

for (const [title, value, message] of refusals)
  test(`${title}: refused under its key, the others count`, (t) => {
    const ledger = new Ledger({ place: (key) => `there:${key}` });
    listed(ledger, cluster);
    const { inventory, problems } = ledger.change(
      new Map<string, unknown>([
        ['10-1-0-0-26', value],
        ['10-1-0-64-26', block('10.1.0.64/26', { affinity: 'host:a' })],
      ]),
    );
    t.true([...(inventory?.blocks ?? [])].some(({ cidr }) => cidr === '10.1.0.64/26'));
    const [problem] = problems;
    t.is(problem?.file, 'there:10-1-0-0-26');
    t.is(problem?.line, undefined);
    t.is(problem?.severity, 'error');
    t.regex(problem?.message ?? '', message);
  });

test('of a refused resource that says whose it is, the last good edition stays in force', (t) => {
  const ledger = new Ledger();
  const before = listed(ledger, cluster);
  const after = ledger.change(
    new Map([['10-1-0-0-26', { ...block('10.1.0.0/26', { affinity: 'host:b' }), spec: 7 }]]),
  );
  t.is(after.problems.length, 1);
  t.deepEqual(essence(after.inventory), essence(before.inventory));
});

test('changes before the first list make no world', (t) => {
  const { inventory, problems } = new Ledger().change(cluster);
  t.deepEqual([inventory, problems], [undefined, []]);
});

test('a label or a status that nothing depends on makes no new world', (t) => {
  const ledger = new Ledger();
  listed(ledger, cluster);
  const named = node(bgp(1), 'a') as { readonly metadata: object };
  const same = { ...named, metadata: { ...named.metadata, resourceVersion: '77' } };
  t.is(ledger.change(new Map([['nodes/a', same]])).changed?.size, 0);
  const other = node(bgp(2), 'a');
  t.is(ledger.change(new Map([['nodes/a', other]])).changed, undefined);
});

test('what is known beside the datastore is in every world', (t) => {
  const beside = written({
    apiVersion: 'encap/v1',
    kind: 'NodeConfig',
    outerTtl: 7,
  });
  const ledger = new Ledger({ beside });
  t.is(listed(ledger, cluster).inventory?.settings.outerTtl, 7);
  t.is(listed(ledger, cluster).inventory?.settings.outerTtl, 7);
});

import test from 'ava';
import fc from 'fast-check';
import { Assembly, type Edition } from '../../../src/model/assembly.js';
import { inventoryOf, type UnderstoodFiles } from '../../../src/model/assemble.js';
import type { Document } from '../../../src/model/document.js';
import { kept, sameBlock } from '../../../src/model/plain-block.js';
import { understand, type Understood } from '../../../src/model/understand.js';
import { essenceOf } from '../../support/essence.js';

const crd = 'crd.projectcalico.org/v1';

/** A block as a file has it: seldom one with a fault, of nobody, or by an odd name. */
const written = fc
  .record({
    cidr: fc.constantFrom(
      ...[
        '10.1.0.0/26',
        '10.1.0.64/26',
        '10.1.1.0/26',
        '10.1.2.0/26',
        '10.1.0.0/27',
        '10.9.0.0/26',
      ],
    ),
    node: fc.constantFrom('a', 'b', 'c', 'stranger'),
    borrower: fc.constantFrom(undefined, undefined, 'a', 'b'),
    oddity: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'name', 'field', 'affinity'),
  })
  .map(({ cidr, node, borrower, oddity }) => ({
    apiVersion: crd,
    kind: oddity === 'affinity' ? 'BlockAffinity' : 'IPAMBlock',
    metadata: { name: oddity === 'name' ? 'odd' : cidr.replaceAll(/[./]/g, '-') },
    spec:
      oddity === 'affinity'
        ? { cidr, node, state: 'confirmed' }
        : {
            cidr,
            affinity: `host:${node}`,
            allocations: borrower === undefined ? [] : [null, 0],
            attributes: borrower === undefined ? [] : [{ secondary: { node: borrower } }],
            unallocated: [],
            ...(oddity === 'field' ? { wrong: true } : {}),
          },
  }));

const cluster = [
  {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name: 'p' },
    spec: { cidr: '10.1.0.0/16', blockSize: 26, vxlanMode: 'Always' },
  },
  ...['a', 'b', 'c'].map((name, place) => ({
    apiVersion: 'projectcalico.org/v3',
    kind: 'Node',
    metadata: { name },
    spec: { bgp: { ipv4Address: `172.16.0.${place + 1}/24` } },
  })),
  {
    apiVersion: crd,
    kind: 'IPAMBlock',
    metadata: { name: '10-1-255-0-26' },
    spec: { cidr: '10.1.255.0/26', affinity: 'host:a' },
  },
];

function documentOf(file: string, value: unknown, index: number): Document {
  const spot = () => ({ file, line: index + 1, column: 1 });
  return { file, value, base: [], spot, keySpot: spot };
}

type Files = ReadonlyMap<string, readonly unknown[]>;

function documentsIn(files: Files): Document[] {
  return [...files].flatMap(([file, values]) =>
    values.map((value, index) => documentOf(file, value, index)),
  );
}

/** As a source keeps them that can show each document again. */
function keptIn(file: string, values: readonly unknown[]): Understood[] {
  const documents = values.map((value, index) => documentOf(file, value, index));
  const shelf = {
    document: (index: number) => documents[index] ?? documentOf(file, undefined, index),
  };
  return documents.map((one, index) => kept(understand(one), shelf, index, new Map()));
}

function understoodOf(all: ReadonlyMap<string, readonly Understood[]>): UnderstoodFiles {
  return { files: [...all.keys()], all: [...all.values()].flat(), problems: [] };
}

/** What decisions are made of, and what is told. */
function essence({ inventory, problems }: Pick<Edition, 'inventory' | 'problems'>): object {
  return { ...essenceOf(inventory), problems };
}

const steps = fc.array(
  fc.record({
    file: fc.constantFrom('w', 'x', 'y', 'z'),
    values: fc.array(written, { maxLength: 2 }),
  }),
  { maxLength: 8 },
);

test('file by file or all at once: the same world, the same words, and no change is left out', (t) => {
  let replaced = 0;
  fc.assert(
    fc.property(steps, (rounds) => {
      const [single, whole] = [new Assembly({}), new Assembly({})];
      const files = new Map<string, readonly unknown[]>([['cluster', cluster]]);
      const understood = new Map([['cluster', keptIn('cluster', cluster)]]);
      single.whole(understoodOf(understood));
      const blocks = new Map(
        [...whole.whole(understoodOf(understood)).inventory.blocks].map((one) => [one.cidr, one]),
      );
      for (const { file, values } of rounds) {
        files.set(file, values);
        const after = keptIn(file, values);
        const edition = single.replace(file, understood.get(file) ?? [], after);
        understood.set(file, after);
        if (edition !== undefined) replaced += 1;
        const now = edition ?? single.whole(understoodOf(understood));
        t.deepEqual(essence(now), essence(whole.whole(understoodOf(understood))));
        for (const [cidr, block] of now.changed ?? []) {
          if (block === undefined) blocks.delete(cidr);
          else blocks.set(cidr, block);
        }
        if (now.changed !== undefined)
          t.deepEqual(
            [...blocks.keys()].sort(),
            [...now.inventory.blocks].map(({ cidr }) => cidr).sort(),
          );
        for (const block of now.inventory.blocks) t.is(blocks.get(block.cidr)?.node, block.node);
      }
    }),
    { numRuns: 600, seed: 11 },
  );
  t.true(replaced > 300, `only ${replaced} were file by file`);
});

test('what is kept of a world without faults decides as the documents do', (t) => {
  fc.assert(
    fc.property(fc.array(written, { maxLength: 3 }), (values) => {
      const files: Files = new Map<string, readonly unknown[]>([
        ['cluster', cluster],
        ['x', values],
      ]);
      const all = new Map([...files].map(([file, list]) => [file, keptIn(file, list)]));
      const fresh = inventoryOf({
        files: [...files.keys()],
        documents: documentsIn(files),
        problems: [],
      });
      const { refused, warnings, inventory } = fresh;
      t.deepEqual(
        essence(new Assembly({}).whole(understoodOf(all))),
        essence({ inventory, problems: [...refused, ...warnings] }),
      );
    }),
    { numRuns: 300, seed: 11 },
  );
});

test('blocks are the same whose node and whose borrowed addresses are', (t) => {
  const [a] = keptIn('x', [cluster.at(-1)]);
  const [b] = keptIn('y', [cluster.at(-1)]);
  if (a?.resource?.kind !== 'IPAMBlock' || b?.resource?.kind !== 'IPAMBlock')
    throw new Error('no block');
  t.true(sameBlock(a.resource, b.resource));
  t.false(sameBlock(a.resource, { ...b.resource, cidr: b.resource.cidr, node: 'b' }));
});

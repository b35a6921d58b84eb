import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { inventoryOf } from '../../src/model/assemble.js';
import type { Documents } from '../../src/model/document.js';
import type { Inventory } from '../../src/model/inventory.js';
import { parse } from '../../src/sources/file/parse.js';
import { essenceOf } from '../support/essence.js';
import { Follower } from './reading.js';
import type { Manifest, StoreKind } from './store.js';

const examples = fileURLToPath(new URL('../../../examples', import.meta.url));

function essence(inventory: Inventory | undefined): object | undefined {
  return inventory && essenceOf(inventory);
}

/** The resources of a folder of examples. */
export function manifestsIn(folder: string): Manifest[] {
  return readdirSync(join(examples, folder))
    .map((name) => readFileSync(join(examples, folder, name), 'utf8'))
    .flatMap((text) => parseAllDocuments(text).map((one) => one.toJS() as unknown))
    .flatMap((one) => (one as { readonly items?: Manifest[] }).items ?? [one as Manifest]);
}

/** As if they stood in a file. */
function documentsOf(manifests: Iterable<Manifest>): Documents {
  const text = [...manifests].map((one) => `---\n${JSON.stringify(one)}\n`).join('');
  return parse('all.yaml', Buffer.from(text));
}

/** What may happen to a cluster, one after the other; resources by kind and name. */
const steps: readonly (readonly [
  title: string,
  change: (one: Manifest) => Manifest | undefined,
])[] = [
  ['the first block goes to another node', (one) => owned(one, 'host:node-b')],
  ['a pool changes its mode', (one) => (one.kind === 'IPPool' ? always(one) : one)],
  ['the first block loses its owner', (one) => owned(one, '')],
  ['the first block is gone', (one) => (isFirstBlock(one) ? undefined : one)],
  ['a node has another address', (one) => (one.kind === 'Node' ? moved(one) : one)],
];

let firstBlock = '';

function isFirstBlock({ kind, metadata: { name } }: Manifest): boolean {
  return kind === 'IPAMBlock' && name === firstBlock;
}

function owned(one: Manifest, affinity: string): Manifest {
  return isFirstBlock(one) ? { ...one, spec: { ...one.spec, affinity } } : one;
}

function always(one: Manifest): Manifest {
  return { ...one, spec: { ...one.spec, vxlanMode: 'Always', ipipMode: 'Never' } };
}

function moved(one: Manifest): Manifest {
  const { apiVersion, metadata } = one;
  const address = '192.0.2.77/24';
  if (metadata.name !== 'node-b') return one;
  if (apiVersion !== 'v1') return { ...one, spec: { bgp: { ipv4Address: address } } };
  const annotations = { ...metadata.annotations, 'projectcalico.org/IPv4Address': address };
  return { ...one, metadata: { ...metadata, annotations } };
}

/** A test for each of its worlds. */
export function conforms({ name, worlds, lacks, open }: StoreKind): void {
  for (const folder of worlds)
    test.serial(
      `examples/${folder} in ${name} is the world that it is in files, through all that happens to it`,
      async (t) => {
        const reason = lacks();
        if (reason !== undefined) {
          t.log(`skipped: ${reason}`);
          t.pass();
          return;
        }
        const all = manifestsIn(folder);
        const own = all.filter(({ kind }) => kind === 'NodeConfig');
        let there = all.filter(({ kind }) => kind !== 'NodeConfig');
        firstBlock = there.find(({ kind }) => kind === 'IPAMBlock')?.metadata.name ?? '';
        const store = await open(t);
        for (const one of there) await store.put(one);
        const source = new Follower(t, store.source(documentsOf(own), 'node-a'));
        const inFiles = (): unknown =>
          essence(
            inventoryOf(documentsOf([...own, ...there]), { environment: {}, node: 'node-a' })
              .inventory,
          );
        await source.until(({ readings }) => readings.length > 0);
        t.deepEqual(essence(source.inventory), inFiles());
        for (const [title, change] of steps) {
          const changed = there.map((one) => [one, change(one)] as const);
          for (const [before, after] of changed)
            if (after === undefined) await store.remove(before);
            else if (after !== before) await store.put(after);
          there = changed.flatMap(([, after]) => (after === undefined ? [] : [after]));
          await source
            .until(({ inventory }) => isDeepStrictEqual(essence(inventory), inFiles()))
            .catch(() => undefined);
          t.deepEqual(essence(source.inventory), inFiles(), title);
        }
      },
    );
}

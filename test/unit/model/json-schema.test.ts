import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Ajv from 'ajv';
import test from 'ava';
import fc from 'fast-check';
import { parse, parseAllDocuments } from 'yaml';
import { nodeConfigSchema } from '../../../src/model/json-schema.js';
import { nodeConfig } from '../../../src/model/resources/node-config.js';

const root = resolve(import.meta.dirname, '../../../..');
const accepts = new Ajv({ allErrors: true }).compile(nodeConfigSchema());

function yamlFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml') && !name.includes('broken'))
    .map((name) => join(root, folder, name));
}

test('every NodeConfig among the examples and in deploy is one by the schema', (t) => {
  const configs = [...yamlFiles('examples'), ...yamlFiles('deploy')]
    .flatMap((file) => parseAllDocuments(readFileSync(file, 'utf8')))
    .map((document) => document.toJS() as { kind?: string } | null)
    .filter((value) => value?.kind === 'NodeConfig');
  t.true(configs.length >= 2);
  for (const config of configs) t.true(accepts(config), JSON.stringify([config, accepts.errors]));
});

/** What stands in a NodeConfig: good, nearly good, and nonsense. */
const words = fc.constantFrom(
  ...['strict', 'pool', 'off', 'ignore', 'drop', 'inherit', 'uniform', 'auto', 'never', 'always'],
  ...['ipv4', 'ipv6', 'leave', 'coexist', 'info', 'eth0', '127.0.0.1:9475', 'file', 'etcdv3', 'x'],
  ...['kubernetes', 'http://a:1', 'a/b', ''],
);
const leaf = fc.oneof(words, fc.integer({ min: -2, max: 70_000 }), fc.boolean());
const value = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 2 }),
  fc.record({ pipe: leaf }, { requiredKeys: [] }),
);
const group = (...members: string[]): fc.Arbitrary<unknown> =>
  fc.record(Object.fromEntries(members.map((member) => [member, value])), { requiredKeys: [] });
const config = fc.record(
  {
    datastore: group('type', 'paths', 'endpoints', 'certFile', 'keyFile', 'user', 'context'),
    node: group('name', 'addressV4', 'interfaces'),
    vxlan: group('vni', 'port'),
    mtu: group('underlay'),
    checks: group('source', 'destination', 'vxlanReservedBits', 'outerOptions', 'sauce'),
    dscp: value,
    outerTtl: value,
    sharedVxlanPort: value,
    receiveMerging: value,
    fastPath: value,
    zeroUdpChecksum: value,
    metrics: group('listen', 'perPeer'),
    log: group('level'),
    beyondCalico: group('ipv6PoolsOver', 'ip6ip'),
    surprise: value,
  },
  { requiredKeys: [], noNullPrototype: true },
);

test('what encap takes is right by the schema, and what is wrong by the schema encap refuses', (t) => {
  const seen = { right: 0, wrong: 0 };
  fc.assert(
    fc.property(config, (members) => {
      // One member alone is right now and then; all of them at once never are.
      for (const [member, one] of Object.entries(members)) {
        const written = { apiVersion: 'encap/v1', kind: 'NodeConfig', [member]: one };
        const isOurs = nodeConfig.schema.safeParse(written).success;
        const isTheirs = accepts(written);
        seen[isOurs ? 'right' : 'wrong'] += 1;
        if (isOurs && isTheirs !== true)
          throw new Error(`${JSON.stringify(written)}: ${JSON.stringify(accepts.errors)}`);
        // Only what text can't say of numbers and addresses is encap's alone to refuse.
        if (!isOurs && isTheirs === true && !/listen|replace/.test(JSON.stringify(written)))
          throw new Error(`${JSON.stringify(written)}: the schema lets it pass`);
      }
    }),
    { numRuns: 2000 },
  );
  t.true(seen.right > 500 && seen.wrong > 500, JSON.stringify(seen));
});

test('the sample of encap help config is right by the schema', (t) => {
  const text = readFileSync(join(root, 'src/cli/help.ts'), 'utf8');
  const sample = /const sampleConfig = `([^`]+)`/.exec(text)?.[1] ?? '';
  t.true(accepts(parse(sample)), JSON.stringify(accepts.errors));
});

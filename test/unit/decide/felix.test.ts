import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { explainer } from '../../../src/decide/explain.js';
import { inventoryOf } from '../../../src/model/assemble.js';
import type { NodeName } from '../../../src/model/node.js';
import { parseAddress } from '../../../src/net/address.js';
import { parse } from '../../../src/sources/file/parse.js';

const oracle = fileURLToPath(new URL('../../../../test/oracle/worlds.py', import.meta.url));
const worlds = 300;

interface FelixWorld {
  readonly localNode: NodeName;
  readonly pools: readonly object[];
  readonly nodes: readonly object[];
  readonly blocks: readonly { readonly cidr: string }[];
  readonly felixConfiguration: object;
  readonly workloads?: readonly object[];
  readonly answers: Readonly<Record<string, readonly [string, string | null, string | null]>>;
}

/** Every difference is a packet that Calico would send elsewhere. */
const agrees = test.macro({
  title: (_, seed: number) => `in ${worlds} random worlds we decide as Felix does (seed ${seed})`,
  exec: (t, seed: number) => {
    const python = spawnSync('python3', ['-B', oracle, String(seed), String(worlds)], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (python.error !== undefined) {
      t.log(`skipped: no python3 on this machine (${python.error.message})`);
      t.pass();
      return;
    }
    t.is(python.status, 0, python.stderr);
    const actions = new Map<string, number>();
    for (const world of JSON.parse(python.stdout) as FelixWorld[]) {
      for (const [destination, [action, via, reason]] of differences(world, actions))
        t.fail(
          `${destination}: Felix ${action} ${via ?? reason ?? ''}, we ${answer(world, destination).join(' ')}\n${JSON.stringify(world)}`,
        );
    }
    for (const action of ['vxlan', 'ipip', 'direct', 'local', 'none'])
      t.true((actions.get(action) ?? 0) > 50, `${action} was hardly asked for`);
  },
});

for (const seed of (process.env['ENCAP_SEEDS'] ?? '1,2').split(',')) test(agrees, Number(seed));

function differences(
  world: FelixWorld,
  actions: Map<string, number>,
): [string, readonly [string, string | null, string | null]][] {
  return Object.entries(world.answers).filter(([destination, [action, via, reason]]) => {
    actions.set(action, (actions.get(action) ?? 0) + 1);
    const ours = answer(world, destination);
    return (
      ours[0] !== action ||
      (via !== null && ours[1] !== via) ||
      (reason !== null && ours[2] !== reason)
    );
  });
}

const explainers = new WeakMap<FelixWorld, ReturnType<typeof explainer>>();

function answer(world: FelixWorld, destination: string): [string, string, string] {
  let explain = explainers.get(world);
  if (explain === undefined) {
    explain = explainer(
      inventoryOf(parse('world', Buffer.from(manifest(world)))).inventory,
      world.localNode,
    );
    explainers.set(world, explain);
  }
  const { action, via, reason } = explain(parseAddress(destination));
  return [action, via ?? '', reason];
}

function manifest({ pools, nodes, blocks, felixConfiguration, workloads }: FelixWorld): string {
  const documents = [
    ...pools,
    ...nodes,
    ...blocks.map((spec) => ({
      apiVersion: 'crd.projectcalico.org/v1',
      kind: 'IPAMBlock',
      metadata: { name: spec.cidr.replace(/[.:/]/g, '-') },
      spec,
    })),
    {
      apiVersion: 'projectcalico.org/v3',
      kind: 'FelixConfiguration',
      metadata: { name: 'default' },
      spec: felixConfiguration,
    },
    ...(workloads === undefined
      ? []
      : [{ apiVersion: 'encap/v1', kind: 'WorkloadList', items: workloads }]),
  ];
  return documents.map((document) => `---\n${JSON.stringify(document)}\n`).join('');
}

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { explainer } from '../../../src/decide/explain.js';
import { planOf } from '../../../src/decide/plan.js';
import { inventoryOf } from '../../../src/model/assemble.js';
import type { NodeName } from '../../../src/model/node.js';
import { familyOf, parseAddress } from '../../../src/net/address.js';
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
  /** Addresses and CIDRs that may send each encapsulation. */
  readonly accepted: Readonly<Record<'vxlan' | 'ipip', readonly string[]>>;
  /** Of all VTEPs, by node and underlay address. */
  readonly macs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly underlayMtu: number;
  /** By pool, of all that encapsulate. */
  readonly mtus: Readonly<Record<string, number>>;
}

const made = new Map<number, ReturnType<typeof spawnSync>>();

/** The oracle's worlds of a seed; none where it can't run. */
function felixWorlds(t: ExecutionContext, seed: number): readonly FelixWorld[] {
  const python =
    made.get(seed) ??
    spawnSync('python3', ['-B', oracle, String(seed), String(worlds)], { maxBuffer: 1 << 28 });
  made.set(seed, python);
  if (python.error !== undefined) {
    t.log(`skipped: no python3 on this machine (${python.error.message})`);
    t.pass();
    return [];
  }
  t.is(python.status, 0, String(python.stderr));
  return JSON.parse(String(python.stdout)) as FelixWorld[];
}

/** Every difference is a packet that Calico would send elsewhere. */
const agrees = test.macro({
  title: (_, seed: number) => `in ${worlds} random worlds we decide as Felix does (seed ${seed})`,
  exec: (t, seed: number) => {
    const actions = new Map<string, number>();
    const all = felixWorlds(t, seed);
    for (const world of all) {
      for (const [destination, [action, via, reason]] of differences(world, actions))
        t.fail(
          `${destination}: Felix ${action} ${via ?? reason ?? ''}, we ${answer(world, destination).join(' ')}\n${JSON.stringify(world)}`,
        );
    }
    if (all.length === 0) return;
    for (const action of ['vxlan', 'ipip', 'direct', 'local', 'none'])
      for (const family of action === 'ipip' ? ['ipv4'] : ['ipv4', 'ipv6'])
        t.true(
          (actions.get(`${family} ${action}`) ?? 0) > 10,
          `${family} ${action} was hardly asked for`,
        );
  },
});

/** Every difference is a packet that is refused, that a VTEP does not take, or that does not fit. */
const plans = test.macro({
  title: (_, seed: number) =>
    `in ${worlds} random worlds senders, MACs and MTUs are as Felix has them (seed ${seed})`,
  exec: (t, seed: number) => {
    for (const world of felixWorlds(t, seed)) {
      const { localNode, underlayMtu, accepted, macs, mtus } = world;
      const inventory = inventoryOf(parse('world', Buffer.from(manifest(world)))).inventory;
      const plan = planOf(inventory, localNode, { underlayMtu });
      const about = JSON.stringify(world);
      t.deepEqual<object, object>(
        {
          vxlan: [...plan.acceptedSources.vxlan].sort(),
          ipip: [...plan.acceptedSources.ipip].sort(),
          ip6ip: plan.acceptedSources.ip6ip,
        },
        { ...accepted, ip6ip: [] },
        about,
      );
      for (const { node, via } of plan.blocks.filter(({ action }) => action === 'vxlan')) {
        const peer = plan.peers.find(({ name, address }) => name === node && address === via);
        t.is<unknown, unknown>(peer?.vtepMac, macs[node]?.[String(via)], about);
      }
      for (const { destination, mtu } of plan.routes)
        t.is(mtu, mtus[destination] ?? underlayMtu, `${destination} ${about}`);
    }
  },
});

for (const seed of (process.env['ENCAP_SEEDS'] ?? '1,2').split(',')) {
  test(agrees, Number(seed));
  test(plans, Number(seed));
}

function differences(
  world: FelixWorld,
  actions: Map<string, number>,
): [string, readonly [string, string | null, string | null]][] {
  return Object.entries(world.answers).filter(([destination, [action, via, reason]]) => {
    const asked = `${familyOf(destination)} ${action}`;
    actions.set(asked, (actions.get(asked) ?? 0) + 1);
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

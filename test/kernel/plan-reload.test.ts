import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { inNamespace } from 'libbpf-ts';
import { foldersOf } from '../../src/datapath/folders.js';
import { pinnedPrograms } from '../../src/datapath/pinned-programs.js';
import { currentGeneration } from '../../src/datapath/status.js';
import { whyNoFlowLookup } from '../support/conntrack.js';
import { skipsFor } from '../support/needs.js';
import { resource, type PoolModes } from '../support/network/cluster.js';
import type { Network } from '../support/network/network.js';
import { networkTest } from '../support/network/network-test.js';

// What `encap plan OLD NEW` says of the programs, beside what a round of the agent does with those in the kernel.

interface Change {
  readonly title: string;
  readonly modes?: PoolModes;
  readonly more?: readonly object[];
  /** null: the programs stay. */
  readonly reload: object | null;
}

const vxlan: PoolModes = { vxlanMode: 'Always' };

const felix = (spec: object): object => resource('FelixConfiguration', 'default', spec);

const config = (members: object): object => ({
  ...{ apiVersion: 'encap/v1', kind: 'NodeConfig' },
  ...members,
});

const constants = (...names: readonly string[]): object => ({
  ...{ object: null, constants: names, maps: [] },
});

/** Each from the world without any of it. */
const changes: readonly Change[] = [
  { title: 'nothing', reload: null },
  { title: 'the mode of a pool', modes: { vxlanMode: 'CrossSubnet' }, reload: null },
  { title: 'an MTU', more: [felix({ vxlanMTU: 1400 })], reload: null },
  {
    title: 'nodes from outside',
    more: [felix({ externalNodesList: ['10.9.0.0/16'] })],
    reload: null,
  },
  { title: 'the VNI', more: [felix({ vxlanVNI: 77 })], reload: constants('vni') },
  { title: 'the port', more: [felix({ vxlanPort: 4790 })], reload: constants('vxlanPort') },
  {
    title: 'checks, DSCP and TTL',
    more: [config({ checks: { source: 'pool' }, dscp: 'uniform', outerTtl: 32 })],
    reload: constants('sourceCheck', 'dscp', 'outerTtl'),
  },
  {
    title: '1,100 nodes from outside, more than a map holds',
    more: [
      felix({
        externalNodesList: Array.from(
          { length: 1100 },
          (_, place) => `10.${100 + (place >> 8)}.${place & 255}.0/24`,
        ),
      }),
    ],
    reload: {
      object: null,
      constants: [],
      maps: [{ name: 'externals', before: 1024, after: 4096 }],
    },
  },
];

networkTest(
  'plan says when the agent loads its programs anew, and when it does not',
  (t, network) => {
    for (const change of changes) foretells(t, network, change);
    // from here on maps are larger than the object's own
    foretells(t, network, {
      title: 'another VNI',
      more: [felix({ vxlanVNI: 78 })],
      reload: constants('vni'),
    });
    const words = ['explain', '-f', network.manifests, '--node', 'node-a', '10.244.2.5'];
    t.regex(network.encap('a', ...words), /^kernel agrees: /m);
  },
);

networkTest('and where shortcuts are turned on, which are of another object', (t, network) => {
  if (skipsFor(t, whyNoFlowLookup())) return;
  foretells(t, network, {
    title: 'shortcuts',
    more: [config({ fastPath: 'guarded' })],
    reload: { object: 'encapd_fast', constants: ['fast'], maps: [] },
  });
});

function foretells(
  t: ExecutionContext,
  network: Network,
  { title, modes = vxlan, more = [], reload }: Change,
): void {
  const [old, now] = [join(network.scratch, 'old.yaml'), join(network.scratch, 'new.yaml')];
  network.declare(vxlan, [], old);
  network.declare(modes, more, now);
  const said = network.encap('a', 'plan', old, now, '--node', 'node-a', '-o', 'json');
  t.deepEqual((JSON.parse(said) as { readonly reload: unknown }).reload, reload, title);
  const [before, after] = [old, now].map((file) => idsAfter(network, file));
  t.is(JSON.stringify(after) === JSON.stringify(before), reload === null, `${title}: ids`);
}

/** Kernel's ids of the programs that are pinned after a round. */
function idsAfter(network: Network, file: string): readonly number[] {
  copyFileSync(file, network.manifests);
  network.run('a', 'once');
  const folders = foldersOf(network.environment('a'));
  return inNamespace(`/run/netns/${network.space('a')}`, () =>
    pinnedPrograms(currentGeneration(folders, undefined), []).map(({ info }) => info.id),
  );
}

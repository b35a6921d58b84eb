import test from 'ava';
import type { LinkFeature, LinkState, Netlink } from 'libbpf-ts';
import { cutterNames, spoilsCutting, wantedCutter } from '../../../src/datapath/cutter.js';
import { bringCutter, cutterStep } from '../../../src/datapath/cutting.js';

/** Names that Linux 6.18 has for what a veth can do by itself; only the first ones would spoil a cutter. */
const spoiling = [
  'tx-checksum-ip-generic',
  'tx-checksum-sctp',
  'tx-generic-segmentation',
  'tx-tcp-segmentation',
  'tx-tcp6-segmentation',
  'tx-udp_tnl-csum-segmentation',
  'tx-ipxip4-segmentation',
  'tx-gre-segmentation',
  'tx-udp-segmentation',
  'tx-gso-list',
  'tx-gso-partial',
  'rx-gro',
  'rx-gro-list',
  'rx-gro-hw',
  'rx-udp-gro-forwarding',
];
const harmless = [
  'tx-scatter-gather',
  'highdma',
  'tx-vlan-hw-insert',
  'rx-vlan-hw-parse',
  'rx-checksum',
];

test('all that lets a packet through whole, unsummed or merged again spoils a cutter, and no more', (t) => {
  t.deepEqual([...spoiling, ...harmless].filter(spoilsCutting), spoiling);
});

/** A namespace in memory, as far as a cutter needs one. */
class Links {
  readonly links = new Map<number, LinkState & { features: Map<string, LinkFeature> }>();
  writes = 0;
  #next = 10;

  get netlink(): Netlink {
    const fake = {
      links: () => [...this.links.values()],
      features: (index: number) => this.links.get(index)?.features ?? new Map(),
      makeVeth: ({ name, peer }: { name: string; peer: string }) => {
        const [one, other] = [(this.#next += 1), (this.#next += 1)];
        this.add(one, name, { kind: 'veth', parent: other });
        this.add(other, peer, { kind: 'veth', parent: one });
      },
      changeLink: ({ index, ...change }: { index: number }) => this.#change(index, change),
      setFeatures: (index: number, wanted: ReadonlyMap<string, boolean>) => {
        const features = this.links.get(index)?.features;
        for (const [name, active] of wanted) features?.set(name, { active, changeable: true });
        this.writes += 1;
      },
      removeLink: (index: number) => {
        const parent = this.links.get(index)?.parent;
        if (parent !== undefined) this.links.delete(parent);
        return this.links.delete(index);
      },
    };
    return fake as unknown as Netlink;
  }

  add(index: number, name: string, state: Partial<LinkState>): void {
    this.links.set(index, {
      ...{ index, name, mtu: 1500, mac: undefined, up: false, lowerUp: false, arp: true },
      ...{ operState: 'down', kind: undefined, master: undefined, parent: undefined, type: 1 },
      ...{
        group: 0,
        reversePathFilter: 0,
        parentNamespace: undefined,
        vxlan: undefined,
        addressGeneration: 'eui64',
      },
      ...state,
      features: new Map(
        [...spoiling, ...harmless].map((feature) => [feature, { active: true, changeable: true }]),
      ),
    });
  }

  #change(index: number, change: Partial<LinkState>): void {
    const link = this.links.get(index);
    if (link !== undefined) this.links.set(index, { ...link, ...change });
    this.writes += 1;
  }
}

test('a cutter is made of two ends without offloads, and then left alone', (t) => {
  const world = new Links();
  const made = bringCutter(world.netlink);
  t.deepEqual(made.ends, { in: 11, out: 12 });
  t.is(made.missing, undefined);
  t.deepEqual(made.changes, [
    { table: 'interfaces', action: 'put', key: cutterNames.in, value: wantedCutter },
  ]);
  for (const { up, arp, mtu, addressGeneration, features } of world.links.values()) {
    t.deepEqual(
      { up, arp, mtu, addressGeneration },
      { up: true, arp: false, mtu: 65535, addressGeneration: 'none' },
    );
    t.deepEqual(
      [...features].filter(([, { active }]) => active).map(([name]) => name),
      harmless,
    );
  }
  const { writes } = world;
  t.deepEqual(bringCutter(world.netlink), { ...made, changes: [] });
  t.deepEqual(cutterStep(world.netlink).changes, []);
  t.is(world.writes, writes);
});

test('a pair whose other end has gone elsewhere is made again', (t) => {
  const world = new Links();
  world.add(5, cutterNames.in, { kind: 'veth', parent: 3, parentNamespace: 1 });
  t.deepEqual(bringCutter(world.netlink).ends, { in: 11, out: 12 });
  t.false(world.links.has(5));
});

test('what has its name and is no veth stays: there is no cutter, and why', (t) => {
  const world = new Links();
  world.add(5, cutterNames.out, { kind: 'bridge' });
  const { ends, missing, changes } = bringCutter(world.netlink);
  t.is(ends, undefined);
  t.is(missing, 'encap.cut1 is there and no veth: it is not ours');
  t.deepEqual(changes, []);
  t.true(world.links.has(5));
});

import test from 'ava';
import { NetlinkError, type LinkState, type Netlink } from 'libbpf-ts';
import { mergerName } from '../../../src/datapath/merger.js';
import { Merging } from '../../../src/datapath/merging.js';
import type { Desired } from '../../../src/model/desired.js';

/** A namespace in memory whose vxlan devices filter VNIs, or don't, and in which one port may be in use. */
class Links {
  made = 0;
  #merger: LinkState | undefined;

  constructor(
    readonly vniFilter: boolean,
    public used: number | undefined,
  ) {}

  get names(): readonly string[] {
    return this.#merger === undefined ? [] : [this.#merger.name];
  }

  get netlink(): Netlink {
    const fake = {
      links: () => (this.#merger === undefined ? [] : [this.#merger]),
      makeVxlan: ({ name, port }: { name: string; port: number }) => {
        this.made += 1;
        const { vniFilter } = this;
        const vxlan = { port, external: true, vniFilter };
        this.#merger = { index: 7, name, kind: 'vxlan', vxlan, up: false, arp: true } as LinkState;
      },
      changeLink: ({ up, arp }: { up?: boolean; arp?: boolean }) => {
        if (this.#merger === undefined) throw new Error('no link');
        if (up === true && this.#merger.vxlan?.port === this.used) throw inUse();
        this.#merger = {
          ...this.#merger,
          ...(up === undefined ? {} : { up }),
          ...(arp === undefined ? {} : { arp }),
        };
      },
      removeLink: () => {
        this.#merger = undefined;
        return true;
      },
    };
    return fake as unknown as Netlink;
  }
}

function inUse(): NetlinkError {
  const cause = 'Address already in use';
  return new NetlinkError({ operation: 'set', object: 'interface 7', errno: 98, cause });
}

function desired(accepted: readonly string[]): Desired {
  return { policies: new Map([['pool', { accepted }]]) } as unknown as Desired;
}

const auto = { receiveMerging: 'auto', vxlanPort: 4789 } as const;
const vxlan = desired(['vxlan']);

test('it is made once, and goes where no pool needs it', (t) => {
  const world = new Links(true, undefined);
  const merging = new Merging();
  const first = merging.bring(world.netlink, vxlan, auto, 0);
  t.like(first, { by: mergerName, missing: undefined });
  t.like(first.changes, [{ table: 'mergers', action: 'put', key: mergerName }]);
  t.deepEqual(merging.bring(world.netlink, vxlan, auto, 1).changes, []);
  merging.bring(world.netlink, vxlan, { ...auto, vxlanPort: 8472 }, 2);
  t.is(world.made, 2, 'another port is another one');
  t.like(merging.bring(world.netlink, desired(['ipip']), auto, 3), { by: undefined });
  t.deepEqual(world.names, []);
  t.like(merging.bring(world.netlink, vxlan, { ...auto, receiveMerging: 'off' }, 4), {
    by: undefined,
    missing: undefined,
  });
});

test('beside another socket it is tried again after a while, not at each round', (t) => {
  const world = new Links(true, 4789);
  const merging = new Merging();
  const why = /UDP port 4789 is in use/;
  t.regex(merging.bring(world.netlink, vxlan, auto, 0).missing ?? '', why);
  t.deepEqual(world.names, [], 'nothing is left of it');
  t.regex(merging.bring(world.netlink, vxlan, auto, 100).missing ?? '', why);
  t.is(world.made, 1);
  world.used = undefined;
  t.is(merging.bring(world.netlink, vxlan, auto, 60_000).by, mergerName);
});

test('a kernel whose devices filter nothing is never left with one, and asked once', (t) => {
  const world = new Links(false, undefined);
  const merging = new Merging();
  for (const nowMs of [0, 1, 1e9])
    t.regex(merging.bring(world.netlink, vxlan, auto, nowMs).missing ?? '', /filter no VNIs/);
  t.is(world.made, 1);
  t.deepEqual(world.names, []);
});

import { open, struct, u32, type BpfObject } from 'libbpf-ts';
import type { OpenedMaps, ScaleSubject } from '../bench/scale/subject.js';
import {
  blockCidr,
  blockPrefix,
  firstAddress,
  hostBits,
  ipv4,
  nodeAddress,
  nodeName,
  ownerOf,
  type ScaleWorld,
} from '../bench/scale/world.js';
import { block, blockKey, slotLine } from '../datapath/abi.js';
import { needsOf, sized } from '../datapath/capacity.js';
import { findClang } from '../datapath/clang.js';
import { runClang } from '../datapath/compile.js';
import { firstPeer, slotsOfALine } from '../datapath/entry.js';
import { generations } from '../datapath/generation.js';
import { firstImage, write } from '../datapath/first-image.js';
import type { Image } from '../datapath/image.js';
import { shapesOf } from '../datapath/load.js';
import { mapNames, mapsOf, openMaps, type Maps } from '../datapath/maps.js';
import { peerIn, SlotLines, slotOf } from '../datapath/slot.js';
import { Slots } from '../datapath/slots.js';
import { sourceFolder } from '../datapath/sources.js';
import { mapTables } from '../datapath/tables/index.js';
import { pools as poolTable } from '../datapath/tables/pools.js';
import { EncapError } from '../errors.js';
import type { Desired, Owner, Peer, PeerName, PolicyName } from '../model/desired.js';
import type { NodeName } from '../model/node.js';
import type { Address } from '../net/address.js';
import type { Cidr } from '../net/cidr.js';

/** The datapath's maps, written by its own tables, for the suite `scale`. */
export function scaleSubject(): ScaleSubject {
  const clang = findClang(process.env['PATH'] ?? '');
  if (clang.kind === 'missing')
    throw new EncapError(`cannot compile bpf/${source}.bpf.c: there is no clang`, {
      code: 'FEATURE_MISSING',
      why: clang.why,
      hint: 'apt-get install clang',
    });
  const bytes = runClang(clang.file, sourceFolder, source);
  return { open: (world, borrowed) => openedFor(bytes, world, borrowed), pinned };
}

const source = 'bench/lookup';

/** bench/lookup.bpf.c: struct measured, and how many lookups a run makes. */
const measured = struct('measured', { first: u32, blocks: u32, hostBits: u32 });
const lookupsOfARun = 1024;
/** The programs don't look at it; the kernel's test run wants one. */
const packet = new Uint8Array(64);

function openedFor(bytes: Uint8Array, world: ScaleWorld, borrowed: boolean): OpenedMaps {
  const desired = desiredOf(world, borrowed);
  const object = load(bytes, world, desired);
  const maps = mapsOf((name) => object.map(name));
  const image = firstImage(desired, maps);
  const tables = mapTables(maps);
  const moved = movedIn(image, world);
  const places = new Slots(image.pools);
  return {
    mapIds: mapNames.map((name) => maps[name].info.id),
    fill: () => write(image, tables),
    updateOne(number) {
      const cidr = blockCidr(number) as Cidr;
      const line = Math.floor((places.find(cidr)?.slot ?? -1) / slotsOfALine);
      const [slots, entry] = [moved.slots.get(line), moved.blocks.get(cidr)];
      if (slots !== undefined) tables.slots.put(new Map([[line, slots]]));
      else if (entry !== undefined) tables.blocks.put(new Map([[cidr, entry]]));
      else throw new Error(`${cidr} is nowhere`);
    },
    updateAll() {
      tables.blocks.put(moved.blocks);
      tables.slots.put(moved.slots);
    },
    lookup(what, times) {
      const program = object.program(what === 'without it' ? 'without_lookup' : 'with_lookup');
      const { durationNs, returnValue } = program.run(packet, { repeat: times });
      if (returnValue !== 0)
        throw new Error(`${returnValue} of ${lookupsOfARun} lookups found no block`);
      return durationNs / lookupsOfARun;
    },
    [Symbol.dispose]: () => object[Symbol.dispose](),
  };
}

function load(bytes: Uint8Array, { blocks }: ScaleWorld, desired: Desired): BpfObject {
  using blueprint = open(bytes, { name: 'lookup' });
  blueprint.setGlobal('measured', measured, { first: firstAddress, blocks, hostBits });
  for (const { name, maxEntries } of sized(shapesOf(blueprint), needsOf(desired), [])) {
    const map = blueprint.maps.get(name);
    if (map !== undefined) map.maxEntries = maxEntries;
  }
  return blueprint.load();
}

/** Each block as its next node's. */
function movedIn(image: Image, world: ScaleWorld): Pick<Image, 'blocks' | 'slots'> {
  const slots = new SlotLines();
  for (const [number, slot] of new SlotLines(image.slots))
    slots.set(number, slotOf(another(peerIn(slot), world)));
  const moved = [...image.blocks].map(
    ([cidr, entry]) => [cidr, { ...entry, peer: another(entry.peer, world) }] as const,
  );
  return { blocks: new Map(moved), slots: slots.lines };
}

/** Another node that is not this one. */
function another(peer: number, { nodes }: ScaleWorld): number {
  return peer + 1 < firstPeer + nodes - 1 ? Math.max(peer + 1, firstPeer) : firstPeer;
}

function desiredOf(world: ScaleWorld, borrowed: boolean): Desired {
  const policy = world.pool as PolicyName;
  const blocks = new Map<Cidr, Owner>();
  for (let number = 0; number < world.blocks; number += 1) {
    const owner = ownerOf(number, world);
    const peer = owner === 0 ? 'self' : peerName(owner);
    blocks.set(blockCidr(number) as Cidr, { peer, policy });
  }
  // one for each node: the last address of its first block
  for (let node = 1; borrowed && node < Math.min(world.nodes, world.blocks); node += 1) {
    const address = firstAddress + (node + 1) * 2 ** hostBits - 1;
    blocks.set(`${ipv4(address)}/32` as Cidr, { peer: 'self', policy });
  }
  const peers = new Map<PeerName, Peer>();
  for (let node = 1; node < world.nodes; node += 1) peers.set(peerName(node), peerOf(node));
  return {
    node: nodeName(0) as NodeName,
    self: { ipv4: undefined, ipv6: undefined },
    policies: new Map([
      [
        policy,
        { sameSubnet: 'vxlan', otherSubnet: 'vxlan', accepted: ['vxlan'], underlay: 'ipv4' },
      ],
    ]),
    pools: new Map([
      [world.pool as Cidr, { blockLengths: borrowed ? [32, blockPrefix] : [blockPrefix] }],
    ]),
    blocks,
    peers,
    sources: new Map(),
    externals: new Map(),
    routes: new Map(),
  };
}

function peerName(node: number): PeerName {
  return `ipv4/${nodeName(node)}` as PeerName;
}

function peerOf(node: number): Peer {
  return {
    node: nodeName(node) as NodeName,
    family: 'ipv4',
    address: nodeAddress(node) as Address,
    vtepMac: undefined,
    sameSubnet: true,
    zeroChecksum: false,
  };
}

/** An agent that has its first round behind it has one generation of maps. */
function pinned(pins: string): ReturnType<ScaleSubject['pinned']> {
  const [generation] = generations(pins);
  if (generation === undefined) throw new Error(`no maps are pinned in ${pins}`);
  const opened = openMaps(generation);
  return {
    peerOf: (cidr) => peerOfBlock(opened.maps, cidr as Cidr),
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

/** One look, not a dump: the agent has the machine meanwhile. */
function peerOfBlock({ pools, slots, blocks }: Maps, cidr: Cidr): number | undefined {
  const place = new Slots(poolTable(pools).entries()).find(cidr);
  if (place?.isExact === true) {
    const line = slots.typed(u32, slotLine).get(Math.floor(place.slot / slotsOfALine));
    const slot = line?.[place.slot % slotsOfALine] ?? 0;
    if (slot !== 0) return peerIn(slot);
  }
  return blocks.typed(blockKey, block).get(cidr)?.peer;
}

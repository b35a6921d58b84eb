import test from 'ava';
import type { Indexed, PeerEntry } from '../../../src/datapath/entry.js';
import { peerIndices, Places } from '../../../src/datapath/indices.js';
import type { Peer, PeerName } from '../../../src/model/desired.js';
import type { Address } from '../../../src/net/address.js';
import type { Mac } from '../../../src/net/mac.js';

const address = '192.168.10.12' as Address;
const names = ['ipv4/node-b', 'ipv4/twin'] as PeerName[];

function peer(vtepMac: string): Peer {
  return {
    ...{ node: 'x' as Peer['node'], family: 'ipv4', address, vtepMac: vtepMac as Mac },
    ...{ sameSubnet: true, zeroChecksum: false },
  };
}

function entry(vtepMac: string): PeerEntry {
  return {
    ...{ family: 'ipv4', underlay: address, node: 2, vtepMac: vtepMac as Mac },
    ...{ sameSubnet: true, zeroChecksum: false },
  };
}

/** What two peers of one address get where the kernel has these entries, and no agent remembers any. */
function indices(there: readonly (readonly [number, string])[]) {
  const actual: Indexed = {
    peers: new Map(there.map(([index, mac]) => [index, entry(mac)])),
    policies: new Map(),
    blocks: new Map(),
    sources: new Map(),
  };
  const peers = new Map(names.map((name, place) => [name, peer(`mac ${place}`)]));
  const found = peerIndices(peers, actual, new Map(), new Places('peers', 2, 9));
  return names.map((name) => found.get(name));
}

test('two nodes that are said to have one address keep an entry each, by their VTEP MACs', (t) => {
  t.deepEqual(
    indices([
      [4, 'mac 1'],
      [7, 'mac 0'],
    ]),
    [7, 4],
  );
});

test('where a MAC is another one now, the address alone tells', (t) => {
  t.deepEqual(
    indices([
      [4, 'mac 1'],
      [7, 'before'],
    ]),
    [7, 4],
  );
});

test('a second one that the kernel has no entry for gets a new one', (t) => {
  t.deepEqual(indices([[4, 'mac 0']]), [4, 2]);
});

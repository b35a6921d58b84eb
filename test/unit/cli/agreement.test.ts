import test from 'ava';
import { compare, type Difference, type Done, type Fate } from '../../../src/cli/agreement.js';
import type { Explanation } from '../../../src/decide/explain.js';
import { explain } from '../../../src/decide/explain.js';
import type { NodeName } from '../../../src/model/node.js';
import { parseAddress } from '../../../src/net/address.js';
import { eth, type Packet } from '../../support/packet.js';
import { block, node, pool, world } from '../decide/worlds.js';

const inventory = world({
  pools: [
    pool('default', '10.0.0.0/8', { vxlan: 'CrossSubnet' }),
    pool('second', '11.0.0.0/8', { ipip: 'Always' }),
  ],
  nodes: [
    node('a', { bgp: '172.16.0.1/24', vxlan: '10.1.0.0', ipip: '11.1.0.0' }),
    node('b', { bgp: '172.16.0.2/24', vxlan: '10.2.0.0', ipip: '11.2.0.0' }),
    node('c', { bgp: '172.17.0.3/24', vxlan: '10.3.0.0' }),
  ],
  blocks: [
    block('10.1.0.0/26', 'a', { 5: 'a' }),
    block('10.2.0.0/26', 'b'),
    block('10.3.0.0/26', 'c'),
    block('11.2.0.0/26', 'b'),
  ],
});

function explained(destination: string, source = '10.1.0.5'): Explanation {
  return explain(inventory, 'a' as NodeName, {
    destination: parseAddress(destination),
    source: parseAddress(source),
  });
}

/** MACs as `an encapsulated packet is explained from its source to its size` has them (explain.test.ts). */
const [ownMac, vtepMac] = ['66:86:f7:e4:37:fa', '66:84:a5:16:84:1b'];
const [uplink, other] = ['02:00:00:00:00:01', '02:00:00:00:00:02'];

function inner(frame: Packet, destination: string, data = 56): Packet {
  return frame.ipv4('10.1.0.5', destination).udp(1, 2).raw(new Uint8Array(data));
}

interface Way {
  readonly from?: string;
  readonly to?: string;
  readonly port?: number;
  readonly vni?: number;
  readonly mac?: string;
  readonly inside?: string;
}

/** The program pushed VXLAN, as it should or another way. */
function inVxlan(way: Way = {}): Done {
  const { from = '172.16.0.1', to = '172.17.0.3', port = 4789, vni = 4096 } = way;
  const outer = eth(uplink, other)
    .ipv4(from, to)
    .udp(50_000, port, { checksum: 'zero' })
    .vxlan(vni)
    .eth(ownMac, way.mac ?? vtepMac);
  return {
    ...done('ENCAPSULATED', '10.3.0.9'),
    left: inner(outer, way.inside ?? '10.3.0.9').bytes(),
    vxlanPort: port,
  };
}

function done(verdict: string, destination: string, bytes = 56): Done {
  const met = inner(eth(uplink, other), destination, bytes).bytes();
  return {
    verdict,
    met,
    left: met,
    via: undefined,
    uplinkMtu: 1500,
    pathMtu: undefined,
    vxlanPort: 4789,
  };
}

const agrees = test.macro((t, explanation: Explanation, ran: Done, fate: Fate) => {
  t.like(compare(explanation, ran), { fate, differences: [] });
});
const differs = test.macro((t, explanation: Explanation, ran: Done, ...rows: Difference[]) => {
  t.deepEqual(compare(explanation, ran).differences, rows);
});
function row(what: string, told: string, kernel: string): Difference {
  return { what, explained: told, kernel };
}

const far = explained('10.3.0.9');
const near = explained('10.2.0.9');
test('the headers that were explained are pushed', agrees, far, inVxlan(), 'vxlan');
test(
  'another VTEP is found out',
  differs,
  far,
  inVxlan({ to: '172.17.0.4' }),
  row('outer destination', '172.17.0.3', '172.17.0.4'),
);
test(
  'another source, VNI and port are found out, all of them',
  differs,
  far,
  inVxlan({ from: '172.16.0.9', vni: 7, port: 4790 }),
  row('outer source', '172.16.0.1', '172.16.0.9'),
  row('VNI', '4096', '7'),
  row('UDP port', '4789', '4790'),
);
test(
  'a stale MAC of the VTEP is found out',
  differs,
  far,
  inVxlan({ mac: other }),
  row('inner destination MAC', vtepMac, other),
);
test(
  'a packet that is not what it was is found out',
  differs,
  far,
  inVxlan({ inside: '10.3.0.10' }),
  row('the packet inside', 'as it was', 'changed'),
);
test(
  'sent as it is instead of encapsulated',
  differs,
  far,
  done('DIRECT', '10.3.0.9'),
  row('what becomes of it', 'vxlan', 'direct'),
);
test(
  'dropped instead of encapsulated: the verdict says why',
  differs,
  far,
  done('DROP_NO_BLOCK', '10.3.0.9'),
  row('what becomes of it', 'vxlan', 'drop (DROP_NO_BLOCK)'),
);
test(
  'encapsulated instead of sent as it is',
  differs,
  near,
  { ...inVxlan(), via: parseAddress('172.16.0.2') },
  row('what becomes of it', 'direct', 'vxlan'),
);

const nearDone = { ...done('DIRECT', '10.2.0.9'), via: parseAddress('172.16.0.2') };
test('a direct packet goes to the node of its block', agrees, near, nearDone, 'direct');
test(
  'a direct packet to another node is found out',
  differs,
  near,
  { ...nearDone, via: parseAddress('172.16.0.7') },
  row('next hop', '172.16.0.2', '172.16.0.7'),
);

const ipip = {
  ...done('ENCAPSULATED', '11.2.0.9'),
  left: inner(
    eth(uplink, other).ipv4('172.16.0.1', '172.16.0.2', { protocol: 4 }),
    '11.2.0.9',
  ).bytes(),
};
test('IPIP has neither VNI nor MACs', agrees, explained('11.2.0.9'), ipip, 'ipip');
test(
  'IPIP where VXLAN was explained',
  differs,
  far,
  ipip,
  row('what becomes of it', 'vxlan', 'ipip'),
);

test(
  'a packet that does not fit is not sent',
  agrees,
  far,
  done('ANSWERED_TOO_BIG', '10.3.0.9', 1423), // with 28 of headers: 1451
  'too-big',
);
test(
  'one that fits, and is said to be too big, is found out',
  differs,
  far,
  done('ANSWERED_TOO_BIG', '10.3.0.9', 1422),
  row('what becomes of it', 'vxlan', 'too-big'),
);
test(
  'what the program learned of a path counts',
  agrees,
  far,
  { ...done('ANSWERED_TOO_BIG', '10.3.0.9', 1422), pathMtu: 1499 },
  'too-big',
);

test(
  'an unused address of this node is held',
  agrees,
  explained('10.1.0.9'),
  done('DROP_LOCAL_BLOCK', '10.1.0.9'),
  'drop',
);
test(
  'what no pool has is left to the host',
  agrees,
  explained('8.8.8.8'),
  done('PASS_NOT_POOL', '8.8.8.8'),
  'pass',
);
test(
  'what nobody has must not be sent',
  differs,
  explained('10.9.0.9'),
  { ...done('DIRECT', '10.9.0.9'), via: parseAddress('172.16.0.2') },
  row('what becomes of it', 'pass or drop', 'direct'),
);

const spoofed = explained('10.2.0.9', '10.3.0.4');
test(
  "another node's source is dropped for it",
  agrees,
  spoofed,
  done('DROP_SRC_SPOOF', '10.2.0.9'),
  'drop',
);
test(
  "another node's source that is carried is found out",
  differs,
  spoofed,
  nearDone,
  row('what becomes of it', 'drop', 'direct'),
);
test(
  "another node's source that is dropped for something else is found out",
  differs,
  spoofed,
  done('DROP_NO_PEER', '10.2.0.9'),
  row('verdict', 'DROP_SRC_SPOOF', 'DROP_NO_PEER'),
);

import { fileURLToPath } from 'node:url';
import test from 'ava';
import { encap } from './encap.js';

const examples = fileURLToPath(new URL('../../../examples', import.meta.url));

const says = test.macro<[string, readonly string[], string, string?]>({
  async exec(t, folder, args, expected, said = '') {
    const { stdout, stderr, code } = await encap([...args, '-f', `${examples}/${folder}`], {
      env: { ENCAP_BPFFS: '/none/encap' },
    });
    t.is(stdout, expected);
    t.is(stderr, said);
    t.is(code, 0);
  },
  title: (_, folder, args) => `${folder}: encap ${args.join(' ')}`,
});
const ofNodeA = ['--node', 'node-a'];

test(
  says,
  'dual-stack',
  ['explain', ...ofNodeA, 'fd00:244:0:2::5', 'FD00:244:0:3::5'],
  `node-a -> fd00:244:0:2::5   DIRECT to node-b at fd00:10::12 (same-subnet)
 1 destination   fd00:244:0:2::5 is on node-b, pool default-ipv6-ippool (fd00:244::/48), block fd00:244:0:2::/122 of node-b
 2 mode          vxlan CrossSubnet (IPPool default-ipv6-ippool)
 3 subnet        node-a fd00:10::11/64 contains node-b fd00:10::12: same subnet, sent as it is

node-a -> FD00:244:0:3::5   VXLAN to node-c at fd00:20::11 (different-subnet)
 1 destination   fd00:244:0:3::5 is on node-c, pool default-ipv6-ippool (fd00:244::/48), block fd00:244:0:3::/122 of node-c
 2 mode          vxlan CrossSubnet (IPPool default-ipv6-ippool)
 3 subnet        node-a fd00:10::11/64 does not contain node-c fd00:20::11: different subnets, encapsulated
 4 outer         fd00:10::11 > fd00:20::11 udp 49152-65535 > 4789 vni 4096 with checksum
 5 mac           inner 66:d4:d5:51:3d:42 > 66:71:75:d1:6d:83 (VTEP of node-c)
 6 size          70 bytes of outer headers; the packet inside may have the underlay's MTU less 70
kernel not asked: nothing is pinned in /none/encap
`,
);
test(
  says,
  'dual-stack',
  ['plan', ...ofNodeA, '--underlay-mtu', '1500'],
  `node-a   192.168.10.11 in 192.168.10.0/24
         fd00:10::11 in fd00:10::/64
tunnel address 10.244.1.0   VTEP MAC 66:07:02:c1:cc:60
tunnel address fd00:244:0:1::   VTEP MAC 66:d4:d5:51:3d:42
mtu 1500: vxlan 1450, ipip 1480, vxlan over IPv6 1430

POOL                  CIDR            SAME SUBNET   OTHER SUBNET   ROUTED
default-ipv4-ippool   10.244.0.0/16   direct        vxlan          yes
default-ipv6-ippool   fd00:244::/48   direct        vxlan          yes

PEER     ADDRESS         SUBNET   TUNNEL ADDRESS   VTEP MAC
node-b   192.168.10.12   same     10.244.2.0       66:89:3a:22:7a:ac
node-c   192.168.20.11   other    10.244.3.0       66:1a:b9:f1:6e:af
node-b   fd00:10::12     same     fd00:244:0:2::   66:35:be:36:cf:19
node-c   fd00:20::11     other    fd00:244:0:3::   66:71:75:d1:6d:83

BLOCK                NODE     HOW      VIA             POOL
10.244.1.0/26        node-a   local    -               default-ipv4-ippool
10.244.2.0/26        node-b   direct   192.168.10.12   default-ipv4-ippool
10.244.3.0/26        node-c   vxlan    192.168.20.11   default-ipv4-ippool
fd00:244:0:1::/122   node-a   local    -               default-ipv6-ippool
fd00:244:0:2::/122   node-b   direct   fd00:10::12     default-ipv6-ippool
fd00:244:0:3::/122   node-c   vxlan    fd00:20::11     default-ipv6-ippool

Nothing was done; \`encap run\` does it.
`,
);
test(
  says,
  'beyond-calico',
  ['explain', ...ofNodeA, 'fd00:244:0:2::5'],
  `node-a -> fd00:244:0:2::5   IP6IP to node-b at 192.168.10.12 (always)
 1 destination   fd00:244:0:2::5 is on node-b, pool default-ipv6-ippool (fd00:244::/48), block fd00:244:0:2::/122 of node-b
 2 mode          ip6ip Always (IPPool default-ipv6-ippool), IPv6 over IPv4 (NodeConfig)
 3 outer         192.168.10.11 > 192.168.10.12 protocol 41
 4 size          20 bytes of outer headers; the packet inside may have the underlay's MTU less 20
kernel not asked: nothing is pinned in /none/encap
`,
);
test(
  says,
  'beyond-calico',
  ['plan', ...ofNodeA, '--underlay-mtu', '1299'],
  `node-a   192.168.10.11 in 192.168.10.0/24
tunnel address 10.244.1.0   VTEP MAC 66:07:02:c1:cc:60
tunnel address fd00:244:0:1::
mtu 1299: vxlan 1249, ipip 1279, vxlan of IPv6 over IPv4 1249, ip6ip 1279

POOL                  CIDR            OVER   SAME SUBNET   OTHER SUBNET   ROUTED
default-ipv4-ippool   10.244.0.0/16   ipv4   direct        vxlan          yes
default-ipv6-ippool   fd00:244::/48   ipv4   ip6ip         ip6ip          yes

PEER     ADDRESS         SUBNET   TUNNEL ADDRESS   VTEP MAC
node-b   192.168.10.12   same     10.244.2.0       66:89:3a:22:7a:ac
node-c   192.168.20.11   other    10.244.3.0       66:1a:b9:f1:6e:af

BLOCK                NODE     HOW      VIA             POOL
10.244.1.0/26        node-a   local    -               default-ipv4-ippool
10.244.2.0/26        node-b   direct   192.168.10.12   default-ipv4-ippool
10.244.3.0/26        node-c   vxlan    192.168.20.11   default-ipv4-ippool
fd00:244:0:1::/122   node-a   local    -               default-ipv6-ippool
fd00:244:0:2::/122   node-b   ip6ip    192.168.10.12   default-ipv6-ippool
fd00:244:0:3::/122   node-c   ip6ip    192.168.20.11   default-ipv6-ippool

Nothing was done; \`encap run\` does it.
`,
  "! IPPool default-ipv6-ippool: the underlay's 1299 leaves 1279 bytes, and IPv6 sends packets of 1280 all the same (RFC 8200 section 5): give it an MTU of 1300 or more\n",
);
test(
  says,
  'beyond-calico',
  ['get', 'nodeconfig'],
  `SETTING                      VALUE
vxlan.vni                    4096
vxlan.port                   4789
mtu.underlay                 auto
kernelTunnels                leave
checks.source                strict
checks.destination           strict
checks.vxlanReservedBits     strict
checks.outerOptions          drop
dscp                         inherit
outerTtl                     64
sharedVxlanPort              true
receiveMerging               auto
fastPath                     never
beyondCalico.ipv6PoolsOver   ipv4
beyondCalico.ipv4PoolsOver   ipv4
beyondCalico.ip6ip           true
zeroUdpChecksum              never
metrics.listen               off
metrics.perPeer              true
health.listen                off
log.level                    info
`,
);

test('without its NodeConfig the IPv6 pool of beyond-calico is what Calico refuses', async (t) => {
  const { stdout, code } = await encap(['validate', `${examples}/beyond-calico/ippools.yaml`]);
  t.regex(
    stdout,
    /ippools\.yaml:35:15 {2}error {2}items\[1\]\.spec\.ipipMode: IPIP is not supported/,
  );
  t.is(code, 3);
});

const onlyIpv6 = ['a', 'b']
  .map(
    (letter, place) => `---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: node-${letter} }
spec:
  bgp: { ipv6Address: 'fd00:10::${place + 1}/64' }
  ipv6VXLANTunnelAddr: 'fd00:244:0:${place + 1}::'
---
apiVersion: crd.projectcalico.org/v1
kind: IPAMBlock
metadata: { name: b${letter} }
spec: { cidr: 'fd00:244:0:${place + 1}::/122', affinity: 'host:node-${letter}', allocations: [], attributes: [], unallocated: [] }
`,
  )
  .join('');

test('a node with IPv6 alone is that', async (t) => {
  const { stdout, stderr } = await encap(
    ['plan', '-f', '-', ...ofNodeA, '--underlay-mtu', '1500', '--no-headers'],
    {
      stdin: `apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: six }
spec: { cidr: 'fd00:244::/48', vxlanMode: Always }
${onlyIpv6}`,
    },
  );
  t.is(
    stdout,
    `node-a   fd00:10::1 in fd00:10::/64
tunnel address fd00:244:0:1::   VTEP MAC 66:d4:d5:51:3d:42
mtu 1500: vxlan 1450, ipip 1480, vxlan over IPv6 1430

six   fd00:244::/48   vxlan   vxlan   yes

node-b   fd00:10::2   same   fd00:244:0:2::   66:35:be:36:cf:19

fd00:244:0:1::/122   node-a   local   -            six
fd00:244:0:2::/122   node-b   vxlan   fd00:10::2   six

Nothing was done; \`encap run\` does it.
`,
  );
  t.is(stderr, '');
});

import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BpfError, features, kernel } from 'libbpf-ts';
import { attachKind } from '../../src/datapath/attach.js';
import { crossingOf, probe } from '../../src/datapath/config.js';
import { load } from './load.js';
import { runIn } from './spaces.js';

// `node kernel-features.js`: one column of docs/kernels.md, as JSON: what this kernel can, and what follows from it.

const yesNo = (is: boolean): string => (is ? 'yes' : 'no');

/** Rows of the table, all asked of the running kernel. */
export function kernelFeatures(): Readonly<Record<string, string>> {
  const probes = probe();
  const cutsVxlan = probes.adjustRoomPopVxlan === 0;
  return {
    'programs hang by': { tcx: 'TCX', clsact: 'clsact' }[attachKind('auto')],
    'BTF of the kernel': yesNo(features.kernelBtf()),
    BPF_F_ADJ_ROOM_ENCAP_L2_ETH: yesNo(probes.adjustRoomPush !== 0),
    'BPF_F_ADJ_ROOM_DECAP_L3_IPV4, _IPV6': yesNo(crossingOf(probes) === 'crosses families'),
    BPF_F_ADJ_ROOM_DECAP_L4_UDP: yesNo(!cutsVxlan),
    BPF_F_ADJ_ROOM_DECAP_IPXIP4: yesNo(probes.adjustRoomPopIpxip4 !== 0),
    BPF_F_ADJ_ROOM_DECAP_IPXIP6: yesNo(probes.adjustRoomPopIpxip6 !== 0),
    bpf_check_mtu: yesNo(probes.checkMtu),
    'batches of hash entries': yesNo(features.batch('hash')),
    'batches of trie entries': yesNo(features.batch('lpm_trie')),
    'BPF_PROG_TEST_RUN of forwarded packets': yesNo(runsForwarded()),
    'IPv6 over IPv4, IPv4 over IPv6':
      crossingOf(probes) === 'crosses families' ? 'yes' : 'refused by name',
    'checksums for IPv6 peers that ask for them':
      probes.skb.data !== 0 ? 'yes' : 'whole packets only',
    'UDP super-packets out of VXLAN': cutsVxlan ? 'cut to datagrams' : 'whole',
    'decapsulated, encapsulated again': cutsVxlan ? 'super-packets are cut' : 'whole',
    'kernel devices compared with': devices.filter(makes).join(', '),
    'kernel SCTP': yesNo(hasSctp()),
  };
}

/** 5.10 takes no ingress_ifindex. */
function runsForwarded(): boolean {
  using object = load('a').object;
  try {
    object
      .program('encapd_egress')
      .run(new Uint8Array(64), { context: { ifindex: 1, ingressIfindex: 1 } });
    return true;
  } catch (error) {
    if (error instanceof BpfError && error.code === 'EINVAL') return false;
    throw error;
  }
}

/** Each with the words that `ip link add` needs behind its name. */
const types = {
  vxlan: 'id 1 dstport 4789',
  ipip: 'local 127.0.0.1',
  sit: 'local 127.0.0.1',
  ip6tnl: 'local ::1',
  geneve: 'id 1 remote 127.0.0.1',
  gre: 'local 127.0.0.1',
  wireguard: '',
} as const;

const devices = ['vxlan', 'ipip', 'sit', 'ip6tnl', 'geneve', 'gre', 'wireguard'] as const;

function makes(type: (typeof devices)[number]): boolean {
  const namespace = `bp2-${process.pid}-asked`;
  execFileSync('ip', ['netns', 'add', namespace]);
  try {
    const words = types[type].split(' ').filter(Boolean);
    runIn(namespace, ['ip', 'link', 'add', 'asked', 'type', type, ...words]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync('ip', ['netns', 'delete', namespace]);
  }
}

function hasSctp(): boolean {
  const open = 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)';
  return spawnSync('python3', ['-c', open]).status === 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(JSON.stringify({ kernel: kernel.release, features: kernelFeatures() }));

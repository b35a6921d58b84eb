import { fileURLToPath } from 'node:url';
import { features, kernel } from 'libbpf-ts';
import { attachKind } from '../../src/datapath/attach.js';
import { crossingOf, probe } from '../../src/datapath/config.js';
import { Dut } from './dut.js';
import { deviceTypes, whyNoDevice } from './kernel-devices.js';
import { whyNoSctp } from './traffic.js';

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
    'kernel devices compared with': deviceTypes
      .filter((type) => whyNoDevice(type) === undefined)
      .join(', '),
    'kernel SCTP': yesNo(whyNoSctp() === undefined),
  };
}

/** 5.10 takes no ingress_ifindex. */
function runsForwarded(): boolean {
  using dut = new Dut();
  return dut.canRun({ from: 'pod' });
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(JSON.stringify({ kernel: kernel.release, features: kernelFeatures() }));

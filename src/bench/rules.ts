import { EncapError } from '../errors.js';
import { runInside, setSysctls } from '../lab/namespace.js';
import { nft } from '../lab/nft.js';
import type { Lab } from '../lab/state.js';

/** What the nodes' netfilter has to do with each packet. */
export interface Rules {
  readonly title: string;
  /** For `nft -f`; undefined: it is left as it is. */
  readonly text?: string;
}

const services = Array.from(
  { length: 200 },
  (_, number) => `10.96.${Math.floor(number / 100)}.${number % 100} . tcp . 80 : 10.244.2.200 . 80`,
);

/** In the manner of Calico's policy and kube-proxy's Services; rules of both, the latter as one map as kube-proxy's nftables mode has it. */
const likeCalico = `
table inet policy-like {
  chain forward {
    type filter hook forward priority filter
    ct state invalid counter drop
    ct state established,related accept
    iifname "cali*" jump from-workload
    oifname "cali*" jump to-workload
  }
  chain from-workload {
    ip protocol ipencap counter drop
    udp dport 4789 counter drop
    meta mark & 0x10000 == 0 accept
  }
  chain to-workload {
    tcp dport { 1-65535 } accept
    meta l4proto udp accept
    meta l4proto icmp accept
    counter drop
  }
}
table ip services-like {
  map services {
    typeof ip daddr . ip protocol . th dport : ip daddr . th dport
    elements = { ${services.join(', ')} }
  }
  chain prerouting {
    type nat hook prerouting priority dstnat
    dnat ip to ip daddr . ip protocol . th dport map @services
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    meta mark & 0x4000 == 0x4000 masquerade
  }
}
`;

export const rules = {
  none: { title: 'no rules on the nodes, so no conntrack either' },
  calico: {
    title:
      'conntrack, policy and Services on the nodes, in the manner of Calico and kube-proxy; nf_conntrack_tcp_be_liberal=1',
    text: likeCalico,
  },
} as const satisfies Readonly<Record<string, Rules>>;

export type RulesName = keyof typeof rules;

export const rulesNames = Object.keys(rules) as readonly RulesName[];

/** Loads them on the nodes of a lab. */
export async function loadRules(lab: Lab, { text }: Rules): Promise<void> {
  if (text === undefined) return;
  for (const { namespace } of lab.nodes) {
    const loaded = await runInside(namespace, [nft, '-f', '-'], { input: text });
    if (loaded.failed)
      throw new EncapError(`cannot load rules of netfilter in ${namespace}`, {
        code: 'LAB_FAILED',
        why: loaded.stderr.trim(),
        hint: 'apt install nftables, or measure without: --rules none',
      });
    await setSysctls(namespace, { 'net/netfilter/nf_conntrack_tcp_be_liberal': 1 });
  }
}

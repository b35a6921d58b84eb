/** fail: packets are lost, or will be; warn: something is as it should not be; note: worth knowing. */
export type Severity = 'fail' | 'warn' | 'note';

/** Something that the doctor saw. */
export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  readonly seen: string;
  /** Why it matters. */
  readonly why: string;
  /** What to do: a command where there is one. */
  readonly cure: string;
  /** What `--fix` does about it; absent: nothing that is safe. */
  readonly fix?: Fix;
}

/** A switch below /proc/sys, or a command. */
export type Fix =
  | { readonly sysctl: string; readonly value: string }
  | { readonly command: readonly [string, ...string[]] };

/** Every finding there is: docs/doctor.md has a section for each (a test compares the two). */
export const catalogue = {
  'kernel-feature': ['fail', 'without it the programs are not loaded, or are slow'],
  capability: ['fail', 'without it this process can neither load programs nor change the network'],
  'datapath-absent': ['fail', 'this node encapsulates nothing and takes nothing out of a tunnel'],
  'maps-unreadable': ['fail', 'what the programs go by cannot be told'],
  'maps-inconsistent': [
    'fail',
    'packets for what the tables contradict themselves about are dropped',
  ],
  'tables-differ': ['warn', 'packets go where they should have gone before, or nowhere'],
  'program-detached': [
    'fail',
    'packets do not meet it: what should be in a tunnel arrives nowhere',
  ],
  'program-behind': [
    'note',
    'programs before ours may drop or change packets that ours should see',
  ],
  'no-agent': ['warn', 'traffic goes on, but nobody follows what changes and repairs what breaks'],
  'state-missing': ['warn', 'names of nodes, pools and verdicts are not known without it'],
  'clock-jumped': ['note', 'times in logs and in the state file cannot be compared'],
  'agent-fault': ['warn', 'the agent itself complains of it'],
  'pool-not-carried': ['fail', 'packets for the pool are refused on this node'],
  'resources-unread': [
    'warn',
    'what should be on this node is not known: it was compared with nothing',
  ],
  'resource-refused': ['warn', 'agents hold on to what was good before, and new ones leave it out'],
  'uplink-down': ['fail', 'nothing leaves this node and nothing comes'],
  'pool-route-missing': ['fail', 'packets for the pool do not meet the programs'],
  'nobody-missing': [
    'fail',
    'by its MAC the programs know packets of pools: without it they are lost',
  ],
  'forwarding-off': ['fail', 'workloads of this node reach no other node, and none reaches them'],
  'rp-filter': [
    'warn',
    'the kernel drops what came out of a tunnel where the way back leads elsewhere',
  ],
  'route-elsewhere': ['fail', 'its packets go there, past the programs: lost, or in clear'],
  'neighbour-permanent': ['warn', 'the kernel never asks again: a changed MAC is a black hole'],
  'neighbour-unresolved': ['fail', 'packets to it wait, and are dropped'],
  'kernel-tunnel': [
    'warn',
    'two encapsulators on one node: which of them has a packet is for routes to say',
  ],
  'vxlan-device': ['warn', 'it takes what our programs pass on, and may send with the same VNI'],
  'firewall-rule': ['note', 'our programs are ahead of it, other tunnels on this node are not'],
  'vtep-mac-duplicate': [
    'fail',
    'a node takes only frames for its own VTEP: two with one MAC are one too many',
  ],
  'address-duplicate': ['fail', 'packets for one of them reach the other'],
  'node-without-address': [
    'warn',
    'nothing can be sent to its blocks, nor is anything accepted from it',
  ],
  'calico-settings': [
    'warn',
    'Felix and encapd read the same settings: what contradicts itself surprises one of them',
  ],
  'vni-differs': ['fail', 'what it sends is not taken for ours by the other nodes'],
  stranger: [
    'warn',
    'who is no node of the cluster is not let in: or is it one that is not known here?',
  ],
  'foreign-vni': ['warn', 'another overlay shares the port, or a node of ours has another VNI'],
  'spoofed-source': ['warn', 'a workload sends from an address that is not this node’s'],
  dropping: ['warn', 'packets are being dropped now'],
  dropped: ['note', 'packets were dropped before'],
  'mtu-setting': ['fail', 'packets that large do not fit the uplink once they are encapsulated'],
  'workload-mtu': ['warn', 'its large packets are refused first, and cost an ICMP message each'],
  'path-mtu': ['warn', 'large packets are lost until senders have been told'],
  'mtu-blackhole': [
    'fail',
    'connections open, and hang at the first large packet: nobody tells the sender',
  ],
  'underlay-unreachable': ['fail', 'without the underlay there is no overlay'],
  'path-loss': ['warn', 'what is lost on the underlay is lost inside: a tunnel repairs nothing'],
  'tunnel-blocked': ['fail', 'the nodes reach each other, what is in a tunnel does not arrive'],
  'vni-mismatch': [
    'fail',
    'its answers come with another VNI: neither node takes the other’s packets',
  ],
  'checksum-offload': [
    'fail',
    'TCP inside the tunnel is thrown away by its receiver: ping is well, nothing else',
  ],
  'probe-impossible': ['note', 'this part was not tried'],
} as const satisfies Readonly<Record<string, readonly [Severity, string]>>;

export type FindingId = keyof typeof catalogue;

/** A finding of the catalogue. `severity`: where it is another one than usual. */
export function finding(
  id: FindingId,
  { seen, cure, severity, fix }: Pick<Finding, 'seen' | 'cure' | 'fix'> & { severity?: Severity },
): Finding {
  const [usual, why] = catalogue[id];
  return {
    id,
    severity: severity ?? usual,
    seen,
    why,
    cure,
    ...(fix === undefined ? {} : { fix }),
  };
}

/** As one would type it. */
export function fixText(fix: Fix): string {
  return 'sysctl' in fix ? `sysctl -w ${fix.sysctl}=${fix.value}` : fix.command.join(' ');
}

/** One subject that was looked at: what was seen of it where all is well, and what is not. */
export interface Check {
  readonly subject: string;
  readonly seen: string;
  readonly findings: readonly Finding[];
}

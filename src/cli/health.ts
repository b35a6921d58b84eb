import type { Fault } from '../model/fault.js';
import type { State } from '../datapath/state.js';
import type { KernelRoute } from '../datapath/underlay.js';
import type { Status } from '../datapath/status.js';

/** What is looked at to judge a datapath. */
export interface Findings extends Pick<Status, 'programs' | 'verdicts' | 'peers'> {
  /** Those that packets are to be led to. */
  readonly pools: readonly string[];
  readonly routes: readonly KernelRoute[];
  /** What the last round of an agent complained of. */
  readonly said: Pick<State, 'notCarried' | 'faults'>;
}

/** Everything that is wrong; none of it: OK. Drops of stray packets are no fault. */
export function faultsOf({ programs, verdicts, pools, routes, said }: Findings): readonly Fault[] {
  return [
    ...programs
      .filter(({ attachedTo }) => attachedTo === undefined)
      .map(({ program }) => ({
        short: `${program} program not attached`,
        message: `the ${program} program is not attached: ${withoutProgram[program]}`,
        hint: 'a running agent puts it back within a second: sudo encap run -f PATH',
      })),
    ...Object.values(said.notCarried),
    ...said.faults,
    ...pools
      .filter((pool) => !(pool in said.notCarried) && !hasRoute(pool, routes))
      .map((pool) => ({
        short: `no route for ${pool}`,
        message: `there is no route for the pool ${pool}: its packets do not meet the programs`,
        hint: 'see whether the uplink is up (ip link); a running agent puts the route back',
      })),
    ...verdicts.flatMap(({ verdict, kind, egress, ingress }) => {
      const about = kind === 'drop' ? dropFaults[verdict] : undefined;
      const packets = Number(egress.packets + ingress.packets);
      if (about === undefined || packets === 0) return [];
      const [message, hint] = about;
      const short = `${packets} drops ${verdict}`;
      return [{ short, message: `${packets} packets dropped (${verdict}): ${message}`, hint }];
    }),
  ];
}

const withoutProgram = {
  egress: 'packets for the pools are not encapsulated, and not delivered',
  ingress: 'what other nodes send here in tunnels is not taken out of them',
  backstop:
    'without the egress program packets for the pools leave the node, addressed to no machine',
  cutter: 'packets that cannot be carried in one piece are lost',
  workload: 'what its workload sends takes the stack',
} as const;

function hasRoute(pool: string, routes: readonly KernelRoute[]): boolean {
  return routes.some(({ type, destination }) => type === 'unicast' && destination === pool);
}

const cutterHint = 'encap status says why there is none; a running agent puts it back';

/** Drops that a healthy node does not have, by what causes them. */
const dropFaults: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  too_big: [
    'larger than the underlay’s MTU less the outer headers, and not to be fragmented',
    'give the workloads the MTU of `ip route show` for the pool, or the underlay a larger one',
  ],
  no_self: [
    'this node had no underlay address',
    'check the Node’s spec.bgp: ipv4Address, ipv6Address: encap get nodes',
  ],
  no_peer: ['of a block whose node is not in the tables', 'see encap map dump blocks'],
  no_policy: [
    'to or from a block whose pool encap does not route',
    'see encap map dump blocks, and who routes the pool',
  ],
  unknown_encap: [
    'the tables were written by a newer version',
    'run the newer encap: it replaces the programs',
  ],
  no_headroom: ['the kernel had no memory for outer headers', 'see free memory, and dmesg'],
  gso_type: [
    'super-packets that cannot be encapsulated',
    'turn off what makes them: ethtool -k on the workload’s interface',
  ],
  nested_tunnel: ['workloads’ own tunnels, and there was no cutter for them', cutterHint],
  no_checksum: ['a peer wants a UDP checksum, and there was no cutter to get it', cutterHint],
  inner_udp_gso: [
    'received super-packets of UDP that this kernel would lose, and there was no cutter for them',
    cutterHint,
  ],
};

import type { Stranger } from '../datapath/strangers.js';
import type { Session } from './session.js';
import type { ReportedPeer, ReportedVerdict, StatusReport } from './status-report.js';
import { table } from './table.js';

/** One line for a prompt or a log: `node-a DEGRADED 12 drops too_big`. */
export function briefText({ paint }: Pick<Session, 'paint'>, report: StatusReport): string {
  const { faults } = report;
  return [
    report.node ?? 'this node',
    verdictText({ paint }, report),
    faults.map(({ short }) => short).join(', '),
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** The verdict first, then what one looks for next. */
export function statusText(session: Session, report: StatusReport): string {
  const { faults, notes, verdicts } = report;
  const dropped = verdicts.filter((one) => one.kind === 'drop' && packetsOf(one) > 0);
  return [
    headText(session, report),
    peersTable(session, report.peers),
    ...(session.format === 'wide'
      ? [
          programsTable(session, report),
          verdictsTable(
            session,
            'VERDICT',
            verdicts.filter((one) => packetsOf(one) > 0),
          ),
        ]
      : []),
    ...(session.format === 'table' && dropped.length > 0
      ? [verdictsTable(session, 'DROPPED', dropped)]
      : []),
    [
      ...faults.map(
        ({ message, hint }) =>
          `${session.paint.red('!')} ${message}\n  ${session.paint.dim('do:')} ${hint}`,
      ),
      ...strangersText(report).map((text) => `${session.paint.yellow('!')} ${text}`),
      ...notes.map((text) => `${session.paint.yellow('!')} ${text}`),
    ].join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function verdictText({ paint }: Pick<Session, 'paint'>, { verdict }: StatusReport): string {
  return verdict === 'OK' ? paint.green(verdict) : paint.red(verdict);
}

function headText({ paint }: Pick<Session, 'paint'>, report: StatusReport): string {
  const { node, pools, blocks, peers, agent, attach, uplink, merger, fastPath } = report;
  const { vxlan, object, kernelTunnels } = report;
  const first = [
    `${paint.bold(node ?? 'this node')}  ${verdictText({ paint }, report)}`,
    `${counted(pools.length, 'pool')}, ${counted(blocks, 'block')}, ${counted(peers.length, 'peer')}`,
    agent === null
      ? 'no agent'
      : `agent ${agent.pid}${agent.startedAt === null ? '' : `, up ${since(agent.startedAt)}`}`,
  ];
  const underlay = [
    `${attach ?? 'not attached'}${uplink === null ? '' : ` on ${uplink.name}`}`,
    vxlan === null ? '' : `vxlan vni ${vxlan.vni} port ${vxlan.port}`,
    mtuText(report),
  ];
  return [
    first.join('   '),
    paint.dim(underlay.filter((part) => part !== '').join('   ')),
    ...cutterText(report).map((text) => paint.dim(text)),
    ...(merger === null
      ? []
      : [
          paint.dim(
            `merger ${merger}: received VXLAN packets are merged where ${uplink?.name ?? 'the uplink'} merges (ethtool -k: GRO)`,
          ),
        ]),
    ...kernelTunnels.flatMap((tunnel) => tunnelText(tunnel)).map((text) => paint.dim(text)),
    ...(fastPath === null
      ? []
      : [
          paint.dim(
            `fast path ${fastPath.mode}: ${counted(fastPath.past, 'packet')} past the stack, ${fastPath.through} through it`,
          ),
        ]),
    ...(object === null
      ? []
      : [paint.dim(`object ${object.kind}: ${object.why} (${object.compiler})`)]),
  ].join('\n');
}

/** How Felix is told to take its device away is the same whether routes lead there or not. */
function tunnelText({ name, how, routes }: StatusReport['kernelTunnels'][number]): string[] {
  const routed = counted(routes, 'route');
  const end = name === 'tunl0' ? 'ipipEnabled: false' : 'vxlanEnabled: false';
  const owner =
    name === 'vxlan-v6.calico'
      ? 'Felix keeps it as long as IPv6 pools have VXLAN'
      : `it can go: FelixConfiguration node.NAME, ${end}`;
  switch (how) {
    case 'taken over':
      return [`took over from ${name}: it carries nothing any more, past its ${routed}; ${owner}`];
    case 'coexists':
      return [`${name} carries what its ${routed} lead to`];
    case 'idle':
      return [`${name} carries nothing, no route leads there`];
    case 'carries':
      return []; // among the notes
  }
}

/** Why it is there, and what it has done. */
function cutterText({ cutter, verdicts }: StatusReport): string[] {
  if (cutter === null) return [];
  const [cut, pieces] = ['cut', 'piece'].map((name) =>
    packetsOf(verdicts.find(({ verdict }) => verdict === name) ?? none),
  );
  return [
    `cutter ${cutter.in} > ${cutter.out}: cuts what cannot be carried in one piece, such as workloads’ own tunnels ` +
      `(${counted(cut ?? 0, 'packet')} into ${counted(pieces ?? 0, 'piece')})`,
  ];
}

const none = { egress: { packets: 0, bytes: 0 }, ingress: { packets: 0, bytes: 0 } };

function mtuText({ pools, uplink }: StatusReport): string {
  const sizes = [...new Set(pools.flatMap(({ mtu }) => (mtu === null ? [] : [mtu])))].sort(
    (a, b) => a - b,
  );
  const underlay = uplink === null ? '' : ` (underlay ${uplink.mtu})`;
  return sizes.length === 0 ? '' : `mtu ${sizes.join(', ')}${underlay}`;
}

function peersTable(session: Session, peers: readonly ReportedPeer[]): string {
  if (peers.length === 0) return 'no other node has a block: there is nothing to encapsulate';
  return table(
    session,
    [
      { title: 'PEER', of: ({ name }) => name },
      { title: 'ADDRESS', of: ({ address }) => address },
      { title: 'SUBNET', of: ({ subnet }) => subnet },
      { title: 'HOW', of: ({ how }) => (how.length === 0 ? undefined : how.join('+')) },
      { title: 'BLOCKS', of: ({ blocks }) => blocks },
      { title: 'SENT', of: ({ sent }) => sent.packets },
      { title: 'RECEIVED', of: ({ received }) => received.packets },
      { title: 'SENT BYTES', of: ({ sent }) => sent.bytes, wide: true },
      { title: 'RECEIVED BYTES', of: ({ received }) => received.bytes, wide: true },
      { title: 'VTEP MAC', of: ({ vtepMac }) => vtepMac ?? undefined, wide: true },
    ],
    peers,
  );
}

function programsTable(session: Session, { programs }: StatusReport): string {
  return table(
    session,
    [
      { title: 'PROGRAM', of: ({ program }) => program },
      { title: 'ID', of: ({ id }) => id },
      { title: 'TAG', of: ({ tag }) => tag },
      { title: 'INTERFACE', of: ({ attachedTo }) => attachedTo ?? undefined },
      { title: 'ATTACHED BY', of: ({ attach }) => attach ?? undefined },
      { title: 'INSTRUCTIONS', of: ({ instructions }) => instructions },
    ],
    programs,
  );
}

function verdictsTable(
  session: Session,
  title: string,
  verdicts: readonly ReportedVerdict[],
): string {
  return table(
    session,
    [
      { title, of: ({ verdict }) => verdict },
      { title: 'EGRESS', of: ({ egress }) => egress.packets },
      { title: 'INGRESS', of: ({ ingress }) => ingress.packets },
    ],
    verdicts,
  );
}

/** So many are named; `encap map dump strangers` has more. */
const namedStrangers = 3;

/**
 * Who sent what no peer may: one sentence for those that are peers meanwhile, one for the rest. That is what NAT between
 * nodes looks like: the address that a node was given on the way is nobody's.
 */
export function strangersText({
  strangers,
  peers,
}: Pick<StatusReport, 'strangers'> & {
  readonly peers: readonly Pick<ReportedPeer, 'address' | 'name'>[];
}): string[] {
  const peerAt = new Map(peers.map(({ address, name }) => [address, name]));
  const isPeer = ({ address }: Stranger): boolean => peerAt.has(address);
  return [
    ...droppedText(
      'tunnel packets were dropped before this node knew who sent them',
      strangers.filter(isPeer),
      (address) => ` is ${peerAt.get(address)} now`,
    ),
    ...droppedText(
      'tunnel packets from no node of this cluster were dropped',
      strangers.filter((stranger) => !isPeer(stranger)),
    ).map((text) => `${text}; is there NAT between nodes, or another cluster?`),
  ];
}

function droppedText(
  what: string,
  strangers: readonly Stranger[],
  whoIs: (address: string) => string = () => '',
): string[] {
  if (strangers.length === 0) return [];
  const named = strangers
    .slice(0, namedStrangers)
    .map(
      ({ address, packets, secondsAgo }) =>
        `${address}${whoIs(address)} (${counted(packets, 'packet')}, ${ago(secondsAgo)})`,
    );
  const more = strangers.length - named.length;
  return [`${what}: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`];
}

function ago(seconds: number): string {
  if (seconds < 60) return 'just now';
  return seconds < 7200
    ? `${Math.floor(seconds / 60)} min ago`
    : `${Math.floor(seconds / 3600)} h ago`;
}

function packetsOf({ egress, ingress }: Pick<ReportedVerdict, 'egress' | 'ingress'>): number {
  return egress.packets + ingress.packets;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `3h12m`. */
function since(startedAt: string): string {
  const minutes = Math.floor((Date.now() - Date.parse(startedAt)) / 60_000);
  if (minutes < 1) return 'under a minute';
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h${minutes % 60}m` : `${Math.floor(hours / 24)}d`;
}

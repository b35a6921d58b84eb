import { EncapError } from '../errors.js';
import type { Facts } from './facts.js';
import { finding, type Check, type Finding } from './finding.js';
import { firstPeer } from '../datapath/entry.js';

const start = 'start the agent: systemctl start encap, or sudo encap run -f PATH';

/** Pure: programs, maps, and the agent that looks after them. */
export function datapathChecks(facts: Facts, nowMs: number): readonly Check[] {
  return [programCheck(facts), mapCheck(facts), agentCheck(facts, nowMs)];
}

function programCheck({ datapath, state }: Facts): Check {
  const subject = 'programs';
  if (datapath instanceof EncapError)
    return { subject, seen: 'none', findings: [unread(datapath)] };
  const { programs } = datapath.status;
  const uplink = state?.uplink.name ?? 'the uplink';
  const findings: Finding[] = programs
    .filter(({ attachedTo }) => attachedTo === undefined)
    .map(({ program }) =>
      finding('program-detached', {
        seen: `the ${program} program is attached to nothing`,
        cure: `${start}: it attaches it in its first round`,
      }),
    );
  for (const direction of ['egress', 'ingress'] as const) {
    const ids = datapath.before[direction];
    if (ids.length > 0)
      findings.push(
        finding('program-behind', {
          seen: `${ids.length} other programs come before the ${direction} program on ${uplink}: id ${ids.join(', ')}`,
          cure: `bpftool prog show id ${ids[0] ?? ''}: see whose they are; who attaches later chooses its place`,
        }),
      );
  }
  const names = programs.map(({ program }) => program);
  const attach = programs.find((one) => one.attach !== undefined)?.attach ?? 'not attached';
  return { subject, seen: `${[...new Set(names)].join(', ')}: ${attach} on ${uplink}`, findings };
}

function unread(error: EncapError): Finding {
  return error.code === 'DATAPATH_ABSENT'
    ? finding('datapath-absent', {
        seen: `there is no datapath on this node${error.why === undefined ? '' : `: ${error.why}`}`,
        cure: start,
      })
    : finding('maps-unreadable', {
        seen: error.message,
        cure: `${start}: what is damaged it makes anew beside it`,
      });
}

function mapCheck({ datapath }: Facts): Check {
  const subject = 'maps';
  if (datapath instanceof EncapError) return { subject, seen: 'none', findings: [] };
  const { status, blocks, policies, pools } = datapath;
  const known = new Set(status.peers.map(({ index }) => index));
  const lost = blocks.filter(
    ([, { peer, policy }]) => peer >= firstPeer && policies.has(policy) && !known.has(peer),
  );
  const findings = lost.map(([cidr, { peer }]) =>
    finding('maps-inconsistent', {
      seen: `block ${cidr} is of peer ${peer}, which is not in the table`,
      cure: `${start}: its first round puts all tables right`,
    }),
  );
  return {
    subject,
    seen: `${pools.length} pools, ${blocks.length} blocks, ${status.peers.length} peers, readable`,
    findings,
  };
}

function agentCheck({ agent, state, datapath }: Facts, nowMs: number): Check {
  const findings: Finding[] = [];
  if (agent === undefined)
    findings.push(finding('no-agent', { seen: 'no agent is running', cure: start }));
  if (state === undefined && !(datapath instanceof EncapError))
    findings.push(
      finding('state-missing', {
        seen: 'the agent’s state file is gone, or damaged',
        cure: agent === undefined ? start : 'see the agent’s log: it writes it in every round',
      }),
    );
  const startedMs = state === undefined ? NaN : Date.parse(state.startedAt);
  if (startedMs > nowMs)
    findings.push(
      finding('clock-jumped', {
        seen: `the agent started at ${state?.startedAt ?? ''}, which is still to come`,
        cure: 'see whether the clock is right: timedatectl',
      }),
    );
  for (const [pool, { message, hint }] of Object.entries(state?.notCarried ?? {}))
    findings.push(
      finding('pool-not-carried', { seen: message, cure: hint || `encap plan (${pool})` }),
    );
  // Forwarding is looked at now, not in what was written down.
  if (agent !== undefined)
    for (const { short, message, hint } of state?.faults ?? [])
      if (!/forwarding$/.test(short))
        findings.push(finding('agent-fault', { seen: message, cure: hint }));
  const seen =
    agent === undefined
      ? 'none'
      : `pid ${agent}, since ${state?.startedAt ?? 'an unknown time'}, of ${state?.source ?? 'an unknown source'}`;
  return { subject: 'agent', seen, findings };
}

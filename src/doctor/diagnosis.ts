import { clusterCheck } from './cluster.js';
import { datapathChecks } from './datapath-check.js';
import type { Facts } from './facts.js';
import type { Check, Finding } from './finding.js';
import { machineCheck } from './machine.js';
import { mtuFindings, mtusOf } from './mtu.js';
import { networkChecks } from './network-check.js';
import type { PathProbe } from './probe/path.js';
import type { Probe } from './probe/peers.js';
import { trafficChecks } from './traffic-check.js';

/** What the doctor says: text and JSON are made from it. */
export interface Diagnosis {
  readonly apiVersion: 'encap/v1';
  readonly kind: 'Diagnosis';
  /** DEGRADED: there is a finding that is no note. */
  readonly verdict: 'OK' | 'DEGRADED';
  readonly node: string | null;
  /** Packets were sent. */
  readonly probed: boolean;
  readonly checks: readonly {
    readonly subject: string;
    readonly seen: string;
    readonly findings: readonly Finding['id'][];
  }[];
  /** The worst first. */
  readonly findings: readonly Finding[];
}

/** Pure: what the facts mean. */
export function diagnose(facts: Facts, probe: Probe | undefined, nowMs: number): Diagnosis {
  const checks = [
    machineCheck(facts.machine),
    ...datapathChecks(facts, nowMs),
    clusterCheck(facts.cluster, facts.state),
    ...networkChecks(facts),
    ...trafficChecks(facts),
    ...mtuCheck(facts, probe?.paths),
    ...(probe === undefined ? [] : [probe.check]),
  ];
  const findings = inOrder(checks.flatMap((check) => check.findings));
  return {
    apiVersion: 'encap/v1',
    kind: 'Diagnosis',
    verdict: isWell(findings) ? 'OK' : 'DEGRADED',
    node: facts.state?.node ?? facts.cluster?.node ?? null,
    probed: probe !== undefined,
    checks: checks.map((check) => ({ ...check, findings: check.findings.map(({ id }) => id) })),
    findings,
  };
}

function mtuCheck(facts: Facts, probes: readonly PathProbe[] | undefined): readonly Check[] {
  const mtus = mtusOf(facts, probes);
  if (mtus === undefined) return [];
  const pools = mtus.pools.map(({ cidr, mtu }) => `${cidr} ${mtu ?? 'none'}`).join(', ');
  return [
    {
      subject: 'mtu',
      seen: `${mtus.uplink.name} ${mtus.uplink.used}; ${pools}`,
      findings: mtuFindings(mtus),
    },
  ];
}

/** Nothing to do: notes are for who wants to know. */
export function isWell(findings: readonly Finding[]): boolean {
  return findings.every(({ severity }) => severity === 'note');
}

/** The worst first. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  const ranks = { fail: 0, warn: 1, note: 2 } as const;
  return [...findings].sort((a, b) => ranks[a.severity] - ranks[b.severity]);
}

import type { Finding } from '../doctor/finding.js';
import type { Mtus } from '../doctor/mtu.js';
import { findingText } from './finding-text.js';
import type { Session } from './session.js';
import { table } from './table.js';

/** `underlay eth0 1500 | vxlan -50 = 1450 | …`, then pools, paths and what is wrong. */
export function mtuText(session: Session, mtus: Mtus, findings: readonly Finding[]): string {
  const { paint } = session;
  const { uplink, encapsulations, pools, workloads, paths } = mtus;
  const sizes = [...new Set(workloads.map(({ mtu }) => mtu))].sort((a, b) => a - b);
  const head = [
    `underlay ${uplink.name} ${uplink.used}${uplink.used === uplink.mtu ? '' : ` (of ${uplink.mtu})`}`,
    ...encapsulations.map(
      ({ encap, over, overheadBytes, mtu }) =>
        `${encap}${over === 'ipv6' && encap === 'vxlan' ? '6' : ''} -${overheadBytes} = ${mtu}`,
    ),
  ].join(' | ');
  const use = sizes.length === 0 ? '' : `   workloads use ${sizes.join(', ')}`;
  return [
    `${head}${use}${findings.length === 0 ? `   ${paint.green('ok')}` : ''}`,
    pools.length === 0
      ? ''
      : table(
          session,
          [
            { title: 'POOL', of: ({ cidr }) => cidr },
            { title: 'HOW', of: ({ encaps }) => encaps.join(', ') || 'direct' },
            { title: 'MTU', of: ({ mtu }) => mtu ?? undefined },
            { title: 'FITS', of: ({ most }) => most },
          ],
          pools,
        ),
    paths.length === 0
      ? ''
      : table(
          session,
          [
            { title: 'PEER', of: ({ peer }) => peer },
            { title: 'ADDRESS', of: ({ address }) => address },
            { title: 'PATH MTU', of: ({ mtu }) => mtu ?? undefined },
            {
              title: 'KNOWN',
              of: ({ how, by }) => `${ways[how]}${by === null ? '' : ` by ${by}`}`,
            },
          ],
          paths,
        ),
    findings.map((finding) => findingText(session, finding)).join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const ways = {
  learned: 'of tunnel packets',
  full: 'tried: all arrives',
  told: 'tried: told',
  remembered: 'remembered',
  silent: 'tried: lost in silence',
  unreachable: 'tried: no answer',
} as const;

import * as z from 'zod';
import { addressBits } from '../../net/address.js';
import { parseCidr } from '../../net/cidr.js';
import { parseSelector } from '../selector.js';
import { overlap, writtenCidr } from './address.js';
import { blockSizes, isBlockSize } from './block-size.js';
import type { AllowedUse } from './ip-pool.js';
import type { Complaint } from './kind.js';

const linkLocal = { ipv4: parseCidr('169.254.0.0/16'), ipv6: parseCidr('fe80::/10') } as const;

/** What the rules look at: each member as it stands, absent where it has a wrong type. */
const seen = z.object({
  spec: z.object({
    cidr: z.string().optional().catch(undefined),
    vxlanMode: z.string().default('').catch(''),
    ipipMode: z.string().default('').catch(''),
    disabled: z.boolean().default(false).catch(false),
    disableBGPExport: z.boolean().default(false).catch(false),
    blockSize: z.number().default(0).catch(0),
    nodeSelector: z.string().default('').catch(''),
    namespaceSelector: z.string().default('').catch(''),
    allowedUses: z.array(z.unknown()).default([]).catch([]),
  }),
});

type Seen = z.infer<typeof seen>['spec'];

/** Calico's rules between the members of an IPPool's spec, in Calico's words and a few more. */
export function ipPoolRules(value: unknown): Complaint[] {
  const parsed = seen.safeParse(value);
  if (!parsed.success) return [];
  const { spec } = parsed.data;
  return [...cidrRules(spec), ...modeRules(spec), ...useRules(spec), ...selectorRules(spec)];
}

function cidrRules({ cidr: text, blockSize, disabled }: Seen): Complaint[] {
  if (text === undefined) return [];
  const path = ['spec', 'cidr'];
  if (text === '') return [{ path, message: 'IPPool CIDR must be specified' }];
  const cidr = writtenCidr(text);
  if (cidr === undefined)
    return [
      {
        path,
        message: `IPPool CIDR must be a valid subnet; ${JSON.stringify(text)} is none${withPrefix(text)}`,
      },
    ];
  const complaints: Complaint[] = [];
  if (cidr.hasHostBits)
    complaints.push({
      path,
      message: `IPPool CIDR is not strictly masked; ${text} has host bits, the network is ${cidr.network}`,
    });
  if (overlap(cidr.network, linkLocal.ipv4))
    complaints.push({
      path,
      message: 'IPPool CIDR overlaps with IPv4 link local range 169.254.0.0/16',
    });
  if (overlap(cidr.network, linkLocal.ipv6))
    complaints.push({ path, message: 'IPPool CIDR overlaps with IPv6 link local range fe80::/10' });
  if (blockSize !== 0 && !isBlockSize(cidr.network, blockSize)) {
    const message =
      'blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools';
    return [
      ...complaints,
      { path: ['spec', 'blockSize'], message: `${message}; ${blockSize} is not` },
    ];
  }
  const size = blockSize === 0 ? blockSizes[cidr.family].usual : blockSize;
  if (!disabled && cidr.prefixLength > size) {
    const message =
      'IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.';
    complaints.push({
      path,
      message: `${message} A /${cidr.prefixLength} pool has no room for a /${size} block`,
    });
  }
  return complaints;
}

function modeRules({ cidr: text, vxlanMode, ipipMode }: Seen): Complaint[] {
  const complaints: Complaint[] = [];
  if (isOn(vxlanMode) && isOn(ipipMode)) {
    const message = 'ipipMode and vxlanMode cannot both be enabled; set one of them to Never';
    complaints.push({ path: ['spec', 'ipipMode'], message });
  }
  if (isOn(ipipMode) && text !== undefined && writtenCidr(text)?.family === 'ipv6') {
    const message =
      'IPIP is not supported on IPv6 pools; set vxlanMode instead, or beyondCalico.ip6ip in a NodeConfig';
    complaints.push({ path: ['spec', 'ipipMode'], message, unless: 'ip6ip' });
  }
  return complaints;
}

function useRules({
  allowedUses,
  vxlanMode,
  ipipMode,
  disableBGPExport,
  nodeSelector,
  namespaceSelector,
}: Seen): Complaint[] {
  const path = ['spec', 'allowedUses'];
  const has = (use: AllowedUse): boolean => allowedUses.includes(use);
  const complaints: Complaint[] = [];
  const twice = allowedUses.findIndex((use, index) => allowedUses.indexOf(use) !== index);
  if (twice >= 0)
    complaints.push({
      path: [...path, twice],
      message: `Duplicate value: ${String(allowedUses[twice])}`,
    });
  if (has('Tunnel') && namespaceSelector !== '')
    complaints.push({
      path: ['spec', 'namespaceSelector'],
      message: 'IP Pool with AllowedUse Tunnel cannot have namespaceSelector',
    });
  // The API server lets it pass where allowedUses is left out; calicoctl fills in [Workload, Tunnel] first and refuses.
  if (allowedUses.length === 0 && namespaceSelector !== '')
    complaints.push({
      severity: 'warning',
      path: ['spec', 'namespaceSelector'],
      message:
        'allowedUses is [Workload, Tunnel] where it is left out, and IP Pool with AllowedUse Tunnel cannot have namespaceSelector: calicoctl refuses this; set allowedUses to [Workload]',
    });
  if (!has('LoadBalancer')) return complaints;
  if (isOn(vxlanMode) || isOn(ipipMode))
    complaints.push({
      path: ['spec', isOn(vxlanMode) ? 'vxlanMode' : 'ipipMode'],
      message: 'LoadBalancer IP pool cannot have IPIP or VXLAN enabled',
    });
  if (has('Workload') || has('Tunnel'))
    complaints.push({
      path,
      message: 'LoadBalancer cannot be combined with Workload or Tunnel allowed uses',
    });
  if (disableBGPExport)
    complaints.push({
      path: ['spec', 'disableBGPExport'],
      message: 'LoadBalancer IP pools cannot disable BGP export',
    });
  if (nodeSelector !== '' && nodeSelector !== 'all()')
    complaints.push({
      path: ['spec', 'nodeSelector'],
      message: 'IP Pool with AllowedUse LoadBalancer must have nodeSelector set to all()',
    });
  return complaints;
}

function selectorRules(spec: Seen): Complaint[] {
  return (['nodeSelector', 'namespaceSelector'] as const).flatMap((member): Complaint[] => {
    const path = ['spec', member];
    if (spec[member].includes('global('))
      return [{ path, message: `global() selector is not valid for IPPool ${member}` }];
    const parsed = parseSelector(spec[member]);
    return parsed.ok ? [] : [{ path, message: `${member} is not a selector: ${parsed.why}` }];
  });
}

/** A word that is no mode switches nothing on; that it is none is said elsewhere. */
function isOn(written: string): boolean {
  return written !== '' && written !== 'Never' && written.toLowerCase() !== 'never';
}

function withPrefix(text: string): string {
  const alone = writtenCidr(`${text}/0`);
  return alone === undefined
    ? ''
    : `: an address needs a prefix length (${text}/${addressBits[alone.family]})`;
}

import { familyOf } from '../../net/address.js';
import type { Mode, Pool } from '../pool.js';
import type { IpPool, IpPoolSpec } from '../resources/ip-pool.js';

/** Calico's IPPool → the pool that decisions are made of. */
export function poolOf({ name, spec }: IpPool): Pool {
  return {
    name,
    cidr: spec.cidr,
    mode: modeOf(spec),
    natOutgoing: spec.natOutgoing,
    loadBalancerOnly: spec.allowedUses.every((use) => use === 'LoadBalancer'),
    disabled: spec.disabled,
    blockSize: spec.blockSize,
  };
}

/**
 * Felix on a pool with both modes set, which Calico's API would refuse: VXLAN it is, CrossSubnet where either says so.
 * ipipMode of an IPv6 pool, which it would refuse too, means what carries IPv6.
 */
export function modeOf({ cidr, vxlanMode, ipipMode }: IpPoolSpec): Mode {
  if (vxlanMode === 'Never' && ipipMode === 'Never') return { when: 'never' };
  const ipip = familyOf(cidr) === 'ipv4' ? 'ipip' : 'ip6ip';
  const encap = vxlanMode === 'Never' ? ipip : 'vxlan';
  const crossSubnet = vxlanMode === 'CrossSubnet' || ipipMode === 'CrossSubnet';
  return { when: crossSubnet ? 'cross-subnet' : 'always', encap };
}

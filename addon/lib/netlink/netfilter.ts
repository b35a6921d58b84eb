import { constants } from 'node:os';
import { NetlinkError } from '../error.js';
import { native } from '../native.js';
import './native.js';

const { EINVAL, EOPNOTSUPP } = constants.errno;

/** How many rules nf_tables has for IPv4 and IPv6 in this network namespace; those of iptables (legacy) are not among them. */
export function netfilterRules(): number {
  const { errno, rules } = native.netfilterRules();
  if (errno === EINVAL || errno === EOPNOTSUPP) return 0; // this kernel has no nf_tables, or has not loaded it
  if (errno !== 0)
    throw new NetlinkError({ operation: 'dump', object: 'netfilter rules', errno, cause: '' });
  return rules;
}

import { spawnSync } from 'node:child_process';
import { hasFlowLookup } from '../../src/datapath/conntrack.js';

/** Why programs can't ask the host's conntrack for a flow; undefined: they can. */
export function whyNoFlowLookup(): string | undefined {
  // where it is a module, it is loaded by the first rule that needs it
  const rule =
    'table ip t {\n chain c {\n type filter hook forward priority 0\n ct state new\n }\n}';
  if (process.getuid?.() === 0) spawnSync('unshare', ['--net', '/usr/sbin/nft', rule]);
  return hasFlowLookup()
    ? undefined
    : 'this kernel has no bpf_skb_ct_lookup (Linux 5.18, with nf_conntrack)';
}

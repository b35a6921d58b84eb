import { EncapError } from '../errors.js';
import { runInside } from './namespace.js';
import { nft } from './nft.js';
import { namespaceOf } from './state.js';
import type { Topology } from './topology.js';

/**
 * Has the router lose frames on their way to the nodes of a segment: by netem where the kernel has it, else by a rule
 * of nftables at the same place, which drops by chance as well.
 */
export async function lose(lab: string, { segments, nodes }: Topology): Promise<void> {
  const router = namespaceOf(lab, 'router');
  for (const [index, node] of nodes.entries()) {
    const loss = segments.find(({ name }) => name === node.segment)?.loss;
    if (loss !== undefined) await loseAt(router, { port: node.name, chain: `port${index}` }, loss);
  }
}

/** The same at one port of it; `chain`: what its rule is called, where it is one. */
export async function loseAt(
  router: string,
  { port, chain }: { readonly port: string; readonly chain: string },
  percent: number,
): Promise<void> {
  const netem = ['qdisc', 'add', 'dev', port, 'root', 'netem', 'loss', `${percent}%`];
  const byNetem = await runInside(router, ['tc', ...netem]);
  if (!byNetem.failed) return;
  const byRule = await runInside(router, [nft, '-f', '-'], {
    input: `table bridge loss {
  chain ${chain} {
    type filter hook postrouting priority 0;
    oifname "${port}" numgen random mod 100 < ${percent} counter drop
  }
}
`,
  });
  if (byRule.failed)
    throw new EncapError(`cannot lose packets at ${port}: neither netem nor nftables does it`, {
      code: 'FEATURE_MISSING',
      why: `${byNetem.stderr.trim()}; ${byRule.stderr.trim()}`,
      hint: 'apt install nftables; or modprobe sch_netem; or leave `loss` out',
    });
}

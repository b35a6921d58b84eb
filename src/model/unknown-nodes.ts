import { type Finding, headOf } from './check.js';
import { didYouMean } from './nearest.js';
import { PlainBlock } from './plain-block.js';
import type { Understood } from './understand.js';

/** Names of nodes that no Node has: only told where there are Nodes at all. */
export function unknownNodes(all: readonly Understood[]): Finding[] {
  const names = nodeNamesIn(all);
  return [...strangeOwners(all, names), ...strangeReceivers(all, names)];
}

/** A node whose resource is refused is there all the same, and perhaps its last good edition in force. */
export function nodeNamesIn(all: readonly Understood[]): ReadonlySet<string> {
  return new Set(
    all.flatMap((one) => {
      if (one instanceof PlainBlock) return [];
      const { kind, name } = headOf(one.document.value);
      return kind === 'Node' && name !== undefined ? [name] : [];
    }),
  );
}

/** Owners of blocks. */
export function strangeOwners(all: readonly Understood[], names: ReadonlySet<string>): Finding[] {
  if (names.size === 0) return [];
  return all.flatMap((one): Finding[] => {
    const { resource } = one;
    if (resource?.kind !== 'IPAMBlock' || resource.node === undefined || names.has(resource.node))
      return [];
    const { document } = one;
    const message = `there is no node ${resource.node}: packets for ${resource.cidr} have nowhere to go`;
    return [{ document, severity: 'warning', path: ['spec', 'affinity'], message }];
  });
}

/** NodeConfig zeroUdpChecksum. */
function strangeReceivers(all: readonly Understood[], names: ReadonlySet<string>): Finding[] {
  if (names.size === 0) return [];
  return all.flatMap((one): Finding[] => {
    const { resource } = one;
    if (resource?.kind !== 'NodeConfig' || typeof resource.zeroUdpChecksum === 'string') return [];
    return resource.zeroUdpChecksum.flatMap((name, index): Finding[] => {
      if (names.has(name)) return [];
      const { document } = one;
      const message = `there is no node ${name}${didYouMean(name, [...names])}`;
      return [{ document, severity: 'warning', path: ['zeroUdpChecksum', index], message }];
    });
  });
}

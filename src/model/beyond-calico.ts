import type { Resource } from './resources/kinds.js';
import { PlainBlock } from './plain-block.js';
import { modeOf } from './translate/pool.js';
import type { Understood } from './understand.js';

/**
 * Calico's API has no name for some of what nodes with encapd can do. A NodeConfig among the resources allows it; where
 * none does, nothing can be decided of such a resource.
 */
export function withinBounds(all: readonly Understood[]): readonly Understood[] {
  const config = all
    .map(({ resource }) => resource)
    .find((resource) => resource?.kind === 'NodeConfig');
  const allows = (what: 'ip6ip'): boolean => config?.beyondCalico[what] === true;
  return all.map((one) => {
    if (one instanceof PlainBlock) return one;
    const findings = one.findings.filter(({ unless }) => unless === undefined || !allows(unless));
    const isBeyond = usesIp6ip(one.resource) && !allows('ip6ip');
    return { ...one, findings, resource: isBeyond ? undefined : one.resource };
  });
}

function usesIp6ip(resource: Resource | undefined): boolean {
  const pools =
    resource?.kind === 'IPPool'
      ? [resource]
      : resource?.kind === 'Installation'
        ? resource.pools
        : [];
  return pools
    .map(({ spec }) => modeOf(spec))
    .some((mode) => mode.when !== 'never' && mode.encap === 'ip6ip');
}

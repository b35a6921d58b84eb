import { isDeepStrictEqual } from 'node:util';
import type { LinkState, Netlink } from 'libbpf-ts';
import { EncapError } from '../../errors.js';
import { cutterMtu, cutterNames, spoilsCutting, type CutterState } from '../cutter.js';
import type { Table } from '../table.js';

/** The cutter's pair of interfaces, known by the name of the end where packets enter. */
export function interfaces(netlink: Netlink): Table<string, CutterState> {
  return {
    name: 'interfaces',
    same: isDeepStrictEqual,
    entries: () => {
      const found = ends(netlink).filter(isOurs);
      return new Map(found.length === 0 ? [] : [[cutterNames.in, stateOf(netlink, found)]]);
    },
    put: () => {
      const there = ends(netlink);
      if (!areJoined(there)) {
        refuse(there.filter((link) => !isOurs(link)));
        remove(netlink, there);
        netlink.makeVeth({ name: cutterNames.in, peer: cutterNames.out });
      }
      for (const end of ends(netlink)) prepare(netlink, end);
    },
    remove: () => remove(netlink, ends(netlink).filter(isOurs)),
  };
}

/** Whatever has one of the two names, the entrance first. */
function ends(netlink: Netlink): readonly LinkState[] {
  const links = netlink.links();
  return [cutterNames.in, cutterNames.out]
    .map((name) => links.find((link) => link.name === name))
    .filter((link) => link !== undefined);
}

function areJoined([enter, leave]: readonly LinkState[]): boolean {
  return (
    enter !== undefined &&
    leave !== undefined &&
    isOurs(enter) &&
    isOurs(leave) &&
    enter.parent === leave.index &&
    leave.parent === enter.index &&
    enter.parentNamespace === undefined
  );
}

function stateOf(netlink: Netlink, found: readonly LinkState[]): CutterState {
  return {
    joined: areJoined(found),
    up: found.every(({ up }) => up),
    mtu: Math.min(...found.map(({ mtu }) => mtu)),
    arp: found.some(({ arp }) => arp),
    offloads: [...new Set(found.flatMap(({ index }) => offloadsOf(netlink, index)))],
  };
}

function offloadsOf(netlink: Netlink, index: number): string[] {
  return [...netlink.features(index)]
    .filter(([name, { active }]) => active && spoilsCutting(name))
    .map(([name]) => name);
}

/** Up at last: it must not carry anything before it is as it should be. */
function prepare(netlink: Netlink, { index, addressGeneration }: LinkState): void {
  netlink.changeLink({
    index,
    mtu: cutterMtu,
    arp: false,
    ...(addressGeneration === undefined ? {} : { addressGeneration: 'none' as const }),
  });
  netlink.setFeatures(
    index,
    new Map(offloadsOf(netlink, index).map((name) => [name, false] as const)),
  );
  netlink.changeLink({ index, up: true });
}

/** A veth by our name; anything else stays. */
function isOurs({ kind }: LinkState): boolean {
  return kind === 'veth';
}

function refuse([foreign]: readonly LinkState[]): void {
  if (foreign === undefined) return;
  throw new EncapError(`cannot make the cutter: ${foreign.name} is taken`, {
    code: 'KERNEL_REFUSED',
    why: `${foreign.name} is there and no veth: it is not ours`,
    hint: `rename it: ip link set ${foreign.name} name OTHER`,
  });
}

function remove(netlink: Netlink, found: readonly LinkState[]): void {
  for (const { index } of found) netlink.removeLink(index);
}

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { runIn } from './spaces.js';

// Felix and its tunnel devices on the nodes of a Network, as its sources have them (route_mgr.go, vxlan_mgr.go,
// ipip_mgr.go): names, attributes, permanent entries, a route for each block, protocol 80. No Felix runs: what it would
// do is done here.

export type FelixMode = 'vxlan' | 'vxlan-v6' | 'ipip';

/** 1: node-a, 2: node-b. */
export type NodeNumber = 1 | 2;

/** What Felix does on a node whose overlay is on; each line an `ip` or `bridge` command. */
export function felixLines(mode: FelixMode, node: NodeNumber): readonly string[] {
  const peer = node === 1 ? 2 : 1;
  switch (mode) {
    case 'ipip':
      return [
        'ip link set tunl0 mtu 1480 up',
        `ip address add 10.244.${node}.0/32 dev tunl0`,
        `ip route replace 10.244.${peer}.0/26 via 192.168.77.${peer} dev tunl0 onlink proto 80`,
        `ip route replace blackhole 10.244.${node}.0/26 proto 80`,
      ];
    case 'vxlan':
      return [
        `ip link add vxlan.calico address ${macOf(node, '')} mtu 1450 type vxlan id 4096 dstport 4789 local 192.168.77.${node} dev eth0 nolearning`,
        `ip address add 10.244.${node}.0/32 dev vxlan.calico`,
        'ip link set vxlan.calico up',
        `ip neighbour replace 10.244.${peer}.0 lladdr ${macOf(peer, '')} dev vxlan.calico nud permanent`,
        `bridge fdb replace ${macOf(peer, '')} dev vxlan.calico dst 192.168.77.${peer} self permanent`,
        `ip route replace 10.244.${peer}.0/26 via 10.244.${peer}.0 dev vxlan.calico onlink proto 80`,
        `ip route replace blackhole 10.244.${node}.0/26 proto 80`,
      ];
    case 'vxlan-v6':
      return [
        `ip link add vxlan-v6.calico address ${macOf(node, '-v6')} mtu 1430 type vxlan id 4096 dstport 4789 local fd00:77::${node} dev eth0 nolearning`,
        `ip address add fd00:244:0:${node}::/128 dev vxlan-v6.calico nodad`,
        'ip link set vxlan-v6.calico up',
        `ip neighbour replace fd00:244:0:${peer}:: lladdr ${macOf(peer, '-v6')} dev vxlan-v6.calico nud permanent`,
        `bridge fdb replace ${macOf(peer, '-v6')} dev vxlan-v6.calico dst fd00:77::${peer} self permanent`,
        `ip -6 route replace fd00:244:0:${peer}::/122 via fd00:244:0:${peer}:: dev vxlan-v6.calico onlink proto 80`,
        `ip -6 route replace blackhole fd00:244:0:${node}::/122 proto 80`,
      ];
  }
}

/** Makes them. What is refused is tried again, as Felix does. */
export async function felixStarts(
  space: string,
  modes: readonly FelixMode[],
  node: NodeNumber,
): Promise<void> {
  for (const line of modes.flatMap((mode) => [...prepared(space, mode), ...felixLines(mode, node)]))
    for (let attempt = 1; ; attempt += 1)
      try {
        runIn(space, line.split(' '));
        break;
      } catch (cause) {
        if (attempt === 50) throw cause;
        await sleep(100);
      }
}

/** vxlan.calico is deleted; of tunl0 addresses and routes go, the device stays. */
export function felixEnds(space: string, modes: readonly FelixMode[], node: NodeNumber): void {
  for (const mode of modes) for (const line of ending(mode, node)) runIn(space, line.split(' '));
}

function ending(mode: FelixMode, node: NodeNumber): readonly string[] {
  const peer = node === 1 ? 2 : 1;
  switch (mode) {
    case 'vxlan':
      return ['ip link delete vxlan.calico', `ip route delete blackhole 10.244.${node}.0/26`];
    case 'vxlan-v6':
      return ['ip link delete vxlan-v6.calico'];
    case 'ipip':
      return [
        `ip route delete 10.244.${peer}.0/26 dev tunl0`,
        `ip route delete blackhole 10.244.${node}.0/26`,
        `ip address delete 10.244.${node}.0/32 dev tunl0`,
      ];
  }
}

/** What tells that a node is as Felix would have it, in the words of ip(8) and bridge(8), sorted. */
export function felixState(space: string, modes: readonly FelixMode[]): readonly string[] {
  return modes.flatMap((mode) => {
    const device = deviceOf(mode);
    const family = mode === 'vxlan-v6' ? '-6' : '-4';
    const link = JSON.parse(runIn(space, ['ip', '-d', '-j', 'link', 'show', device])) as {
      address: string;
      mtu: number;
      linkinfo: { info_kind: string; info_data: Record<string, unknown> };
      flags: string[];
      group: string;
    }[];
    const [{ address, mtu, linkinfo, flags, group } = never()] = link;
    const { id, local, local6, port, learning, link: below } = linkinfo.info_data;
    const said = (command: string): string[] =>
      runIn(space, command.split(' '))
        .split('\n')
        .map((line) => line.trim().replace(/ +/g, ' '))
        .filter((line) => line !== '');
    return [
      JSON.stringify({
        ...{ device, address, mtu, group, up: flags.includes('UP'), kind: linkinfo.info_kind },
        ...{ id, local, local6, port, learning, below },
      }),
      ...said(`ip ${family} -br address show dev ${device} scope global`),
      ...said(`ip ${family} neighbour show dev ${device} nud permanent`),
      ...said(`ip ${family} route show dev ${device} proto 80`),
      ...(mode === 'ipip' ? [] : said(`bridge fdb show dev ${device}`)),
    ].sort();
  });
}

export function deviceOf(mode: FelixMode): 'vxlan.calico' | 'vxlan-v6.calico' | 'tunl0' {
  return mode === 'ipip' ? 'tunl0' : mode === 'vxlan' ? 'vxlan.calico' : 'vxlan-v6.calico';
}

/** Packets that a device has sent and received. */
export function carriedBy(space: string, mode: FelixMode): number {
  const text = runIn(space, ['ip', '-s', '-j', 'link', 'show', 'dev', deviceOf(mode)]);
  const [{ stats64 } = never()] = JSON.parse(text) as {
    stats64: { rx: { packets: number }; tx: { packets: number } };
  }[];
  return stats64.rx.packets + stats64.tx.packets;
}

/** Once its module is there, each namespace has a tunl0. */
function prepared(space: string, mode: FelixMode): readonly string[] {
  if (mode !== 'ipip' || runIn(space, ['ip', '-br', 'link', 'show']).includes('tunl0')) return [];
  return ['ip link add tunl0 type ipip'];
}

/** Bytes 1 to 5 of the SHA-1 of the node's name, behind an `f` (vxlan_resolver.go). */
function macOf(node: NodeNumber, suffix: '' | '-v6'): string {
  const name = node === 1 ? 'node-a' : 'node-b';
  const hash = createHash('sha1').update(`${name}${suffix}`).digest();
  return ['66', ...[...hash.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(
    ':',
  );
}

function never(): never {
  throw new Error('ip(8) told of no such device');
}

import { existsSync, readdirSync } from 'node:fs';
import { inside, type Network } from '../support/network/network.js';

/** What counts packets or entries, and tells nothing of how a machine is set up. */
const counters = /conntrack_count|nf_flowtable_count|\.stat\.|_pressure/;

/**
 * Everything about a node that somebody could have set up, as text, by what it is: interfaces, addresses, routes and rules of
 * both families, neighbours that were put there, qdiscs and filters, nftables, switches, BPF pins, files of a run.
 */
export function machineOf(network: Network, node: 'a' | 'b'): Readonly<Record<string, string>> {
  const space = network.space(node);
  const said = (...command: readonly string[]): string => inside(space, ...command);
  const links = JSON.parse(said('ip', '-j', 'link')) as readonly { readonly ifname: string }[];
  const commands = [
    ...['link', 'addr'].map((what) => ['ip', '-d', '-j', what]),
    ...['-4', '-6'].flatMap((family) => [
      ['ip', '-d', '-j', family, 'route', 'show', 'table', 'all'],
      ['ip', '-j', family, 'rule'],
      ['ip', '-j', family, 'neigh', 'show', 'nud', 'permanent'],
      ['ip', '-j', family, 'neigh', 'show', 'proxy'],
    ]),
    ['tc', '-d', 'qdisc', 'show'],
    ...links.flatMap(({ ifname }) =>
      ['ingress', 'egress'].map((direction) => ['tc', 'filter', 'show', 'dev', ifname, direction]),
    ),
    ['nft', 'list', 'ruleset'],
  ];
  const switches = said('sysctl', '-a', '--pattern', '^net\\.').split('\n');
  return {
    ...Object.fromEntries(commands.map((words) => [words.join(' '), said(...words)])),
    sysctl: switches.filter((line) => !counters.test(line)).join('\n'),
    pins: readdirSync('/sys/fs/bpf').filter(isOf(network, node)).join(),
    run: String(existsSync(network.environment(node)['ENCAP_RUN_DIR'] ?? '')),
  };
}

function isOf(network: Network, node: 'a' | 'b'): (name: string) => boolean {
  return (name) => name.startsWith(`${network.name}-${node}`);
}

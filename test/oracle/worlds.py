"""Random Calico worlds with Felix's answers. usage: worlds.py SEED COUNT  (JSON on stdout)"""
import ipaddress
import json
import random
import sys

from felix import World

NAMES = ['a', 'b', 'c', 'd']
POOLS = {
    4: ['10.0.0.0/16', '10.0.0.0/20', '10.0.1.0/24', '10.1.0.0/16', '10.0.1.0/26'],
    6: ['fd00:10::/48', 'fd00:10:0:1::/64', 'fd00:11::/48'],
}


class Maker:
    """IPAM gives an address to one only: tunnel addresses end in 20 to 29, workloads' are lower."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, *choices):
        return self.random.choice(choices)

    def chance(self, odds):
        return self.random.random() < odds

    def pool(self, name, cidr):
        weights = {'vxlan': 5, 'ipip': 0 if ':' in cidr else 4, 'never': 1, 'both': 0 if ':' in cidr else 1, 'lb': 1}
        kind = self.random.choices(list(weights), list(weights.values()))[0]
        spec = {'cidr': cidr}
        if kind in ('vxlan', 'both'):
            spec['vxlanMode'] = self.pick('Always', 'CrossSubnet')
        if kind in ('ipip', 'both'):
            spec['ipipMode'] = self.pick('Always', 'CrossSubnet')
        if kind == 'lb':
            spec['allowedUses'] = ['LoadBalancer']
        if self.chance(0.2):
            spec['disabled'] = True
        return resource('IPPool', name, spec)

    def node(self, index):
        subnet, host = self.pick(1, 1, 2), 2 if self.chance(0.06) else index + 1
        ipv4, ipv6 = f'192.168.{subnet}.{host}', f'fc00:{subnet}::{host}'
        styles = {
            'ordinary': {'ipv4Address': ipv4 + '/24', 'ipv6Address': ipv6 + '/32'},
            'bare': {'ipv4Address': ipv4, 'ipv6Address': ipv6},
            'host-prefix': {'ipv4Address': ipv4 + '/32', 'ipv6Address': ipv6 + '/128'},
            'wide': {'ipv4Address': ipv4 + '/16', 'ipv6Address': ipv6 + '/16'},
            'in-pool': {'ipv4Address': f'10.0.1.{40 + index}/24', 'ipv6Address': f'fd00:10:0:1::{40 + index}/64'},
            'none': None,
            'empty': {},
            'as-only': {'asNumber': 64512},
        }
        style = self.pick(*['ordinary'] * 12, *styles)
        bgp, spec = styles[style], {}
        if bgp and 'ipv4Address' in bgp and self.chance(0.2):
            del bgp[self.pick('ipv4Address', 'ipv6Address')]
        if bgp and self.chance(0.3):
            bgp['ipv4IPIPTunnelAddr'] = self.pick(f'10.0.{index}.22', f'10.0.{(index + 1) % 4}.26')
        if bgp is not None:
            spec['bgp'] = bgp
        addresses = [
            {'address': text, 'type': self.pick('InternalIP', 'ExternalIP', 'CalicoNodeIP')}
            for text in (ipv4, ipv4 + '/24', f'172.16.{subnet}.{host}', ipv6, f'203.0.113.{host}')
            if self.chance(0.15)
        ]
        if addresses:
            spec['addresses'] = addresses
        if self.chance(0.8):
            spec['ipv4VXLANTunnelAddr'] = self.pick(
                f'10.0.{index}.20', f'10.0.{index}.21', f'10.0.{(index + 1) % 4}.25', f'10.9.0.{index}'
            )
        for field in ('vxlanTunnelMACAddr', 'vxlanTunnelMACAddrV6'):
            if self.chance(0.15):
                spec[field] = f'66:00:00:00:{index:02x}:{len(field):02x}'
        if self.chance(0.8):
            spec['ipv6VXLANTunnelAddr'] = self.pick(f'fd00:10:0:{index}::20', f'fd00:10:0:{(index + 1) % 4}::25')
        return resource('Node', NAMES[index], spec)

    def block(self, index, version):
        owner = NAMES[index % 4]
        single = self.chance(0.2)
        if version == 4:
            cidr = f'10.0.{index}.9/32' if single else self.pick(f'10.0.{index}.0/26', f'10.0.{index}.64/26', f'10.1.{index}.0/26')
        else:
            cidr = f'fd00:10:0:{index}::9/128' if single else self.pick(f'fd00:10:0:{index}::/122', f'fd00:11:0:{index}::/122')
        attributes = [
            {},
            {'secondary': {'node': owner}},
            {'secondary': {'node': self.pick(*NAMES)}},
            {'secondary': {'node': ''}},
            {'releasedAt': '2026-01-01T00:00:00Z'},
        ]
        used = [self.pick(None, None, 0, 1, 2, 3, 4, 9) for _ in range(1 if single else 12)]
        return {
            'cidr': str(ipaddress.ip_network(cidr)),
            'affinity': self.pick(*[f'host:{owner}'] * 8, None, 'virtual:lb', 'host:ghost'),
            'allocations': used + [None] * (0 if single else 52),
            'attributes': attributes,
            'unallocated': [],
        }

    def configuration(self):
        spec = {}
        if self.chance(0.15):
            spec['vxlanEnabled'] = self.pick(True, False)
        if self.chance(0.15):
            spec['ipipEnabled'] = self.pick(True, False)
        if self.chance(0.3):
            spec['programClusterRoutes'] = self.pick('Enabled', 'Disabled', 'EnabledNoEncapOnly', 'EnabledIPIPOnly')
        if self.chance(0.15):
            spec['routeSource'] = 'WorkloadIPs'
        if self.chance(0.1):
            spec['ipv6Support'] = False
        if self.chance(0.2):
            spec['externalNodesList'] = ['198.51.100.0/24']
        for field in ('vxlanMTU', 'vxlanMTUV6', 'ipipMTU'):
            if self.chance(0.15):
                spec[field] = self.pick(1280, 1400, 8000)
        return spec

    def address(self, subnet, version):
        low = self.random.randrange(12)
        return f'10.0.{subnet}.{low}' if version == 4 else str(ipaddress.ip_address(f'fd00:10:0:{subnet}::{low:x}'))

    def world(self):
        versions = self.pick([4], [4], [6], [4, 6])
        pools = []
        for version in versions:
            own = [
                self.pool(f'p{version}{at}', cidr)
                for at, cidr in enumerate(POOLS[version])
                if self.chance(0.3 if at else 0.95)
            ]
            if own and self.chance(0.15):
                own.append(self.pool(self.pick('a-twin', 'z-twin') + str(version), own[0]['spec']['cidr']))
            pools += own
        world = {
            'localNode': 'a',
            'pools': pools,
            'nodes': [self.node(index) for index in range(4) if self.chance(0.93)],
            'blocks': [
                self.block(index, version) for version in versions for index in range(5) if self.chance(0.85)
            ],
            'felixConfiguration': self.configuration(),
        }
        if self.chance(0.5) or 'routeSource' in world['felixConfiguration']:
            world['workloads'] = [
                {
                    'node': name,
                    'ips': [
                        self.address(subnet, version)
                        for version in versions
                        for subnet in (at, self.random.randrange(4))
                    ],
                }
                for at, name in enumerate(NAMES)
            ]
        felix = World(world)
        table = felix.routes()
        asked = [one for version in versions for one in self.destinations(world, version)]
        world['answers'] = {one: felix.decide(one, table) for one in asked}
        world['accepted'] = felix.accepted()
        world['macs'] = felix.macs()
        world['underlayMtu'] = self.pick(1500, 9000)
        world['mtus'] = felix.mtus(world['underlayMtu'])
        return world

    def destinations(self, world, version):
        found = {'192.168.1.2', '10.0.1.41', '8.8.8.8'} if version == 4 else {'fc00:1::2', '2001:db8::1'}
        for block in world['blocks']:
            network = ipaddress.ip_network(block['cidr'])
            if network.version != version:
                continue
            found |= {str(network[self.random.randrange(min(14, network.num_addresses))]) for _ in range(4)}
        for node in world['nodes']:
            found |= {
                text
                for text in (
                    node['spec'].get(f'ipv{version}VXLANTunnelAddr'),
                    (node['spec'].get('bgp') or {}).get('ipv4IPIPTunnelAddr') if version == 4 else None,
                )
                if text
            }
        return sorted(found)


def resource(kind, name, spec):
    return {'apiVersion': 'projectcalico.org/v3', 'kind': kind, 'metadata': {'name': name}, 'spec': spec}


if __name__ == '__main__':
    maker = Maker(int(sys.argv[1]))
    json.dump([maker.world() for _ in range(int(sys.argv[2]))], sys.stdout)

"""Felix's route resolver and route managers, restated from Calico's behaviour: an oracle that is not us.

World(world).decide(destination, table) -> (action, via, why), for a world as Calico's datastore holds it; accepted(),
macs() and mtus() are what its sets, its VTEPs and its devices would hold.
It follows Felix step by step (a trie walk for each CIDR, then what each route manager programs, then the
kernel's longest match); src/decide computes the same from tables, so that the two share no idea but Calico's.

Where encapd knowingly differs: an address that the local node borrowed is the local node's, alive or not
(Felix would send it to the block's owner, who sends it back). And a pool with both modes on, which is VXLAN, lets
nobody in over IPIP."""
import hashlib
import ipaddress

OVERHEAD = {('VXLAN', 4): 50, ('VXLAN', 6): 70, ('IPIP', 4): 20}
MTU_FIELDS = {('VXLAN', 4): 'vxlanMTU', ('VXLAN', 6): 'vxlanMTUV6', ('IPIP', 4): 'ipipMTU'}
MAC_FIELDS = {4: 'vxlanTunnelMACAddr', 6: 'vxlanTunnelMACAddrV6'}
ORDER = ['WORKLOAD', 'IPIP', 'VXLAN']


def interface(text):
    """-> (address, prefix length, whether one was written), or None where there is no address."""
    try:
        found = ipaddress.ip_interface(text or '')
    except ValueError:
        return None
    return found.ip, found.network.prefixlen, '/' in text


class Cell:
    """What is known of one CIDR."""

    def __init__(self):
        self.pool = self.block = None
        self.hosts, self.refs = [], []


class World:
    def __init__(self, world):
        self.me = world['localNode']
        self.felix = world.get('felixConfiguration') or {}
        self.from_workloads = self.felix.get('routeSource') == 'WorkloadIPs'
        self.cells = {}
        self.nodes = {}  # the resolver's view: name -> {version: (address, network)}
        self.metadata = {}  # host metadata, for IPIP: name -> {version: address}
        self.vteps = {}  # name -> {version: underlay address}
        self.written_macs = {}  # name -> {version: MAC as the Node has it}
        self.modes = set()
        self.blocks = world.get('blocks') or []
        self.add_pools(world.get('pools') or [])
        for node in world.get('nodes') or []:
            self.add_node(node)
        if not self.from_workloads:
            for block in self.blocks:
                self.add_block(block)
        self.live = self.add_workloads(world.get('workloads'))
        for cell in self.cells.values():
            cell.hosts.sort()
            cell.refs.sort(key=lambda ref: (ref[0], ORDER.index(ref[1])))

    def cell(self, cidr):
        return self.cells.setdefault(ipaddress.ip_network(cidr), Cell())

    def add_pools(self, pools):
        seen = set()
        for pool in sorted(pools, key=lambda one: one['metadata']['name']):
            spec = pool['spec']
            network = ipaddress.ip_network(spec['cidr'])
            if network in seen:
                continue
            seen.add(network)
            vxlan, ipip = spec.get('vxlanMode') or 'Never', spec.get('ipipMode') or 'Never'
            if spec.get('allowedUses') == ['LoadBalancer']:
                kind = 'NONE'
            elif vxlan != 'Never':
                kind = 'VXLAN'
            elif ipip != 'Never':
                kind = 'IPIP'
            else:
                kind = 'NO_ENCAP'
            self.cell(network).pool = (kind, 'CrossSubnet' in (vxlan, ipip))
            if vxlan != 'Never':
                self.modes.add(('vxlan', network.version))
            elif ipip != 'Never':
                self.modes.add(('ipip', 4))

    def add_node(self, node):
        name, spec = node['metadata']['name'], node.get('spec') or {}
        bgp, addresses = spec.get('bgp'), spec.get('addresses') or []

        def listed(version):
            for kind in ('InternalIP', 'ExternalIP'):
                for entry in addresses:
                    found = interface(entry.get('address'))
                    if entry.get('type') == kind and found and found[0].version == version:
                        return found
            return None

        own = {4: interface((bgp or {}).get('ipv4Address')), 6: interface((bgp or {}).get('ipv6Address'))}
        tunnels = [
            ((bgp or {}).get('ipv4IPIPTunnelAddr'), 'IPIP'),
            (spec.get('ipv4VXLANTunnelAddr'), 'VXLAN'),
            (spec.get('ipv6VXLANTunnelAddr'), 'VXLAN'),
        ]
        view = own if own[4] or own[6] else {4: listed(4), 6: listed(6)}
        view = {version: found for version, found in view.items() if found}
        if view:
            self.nodes[name] = {
                version: (found[0], ipaddress.ip_network('%s/%d' % found[:2], strict=False))
                for version, found in view.items()
            }
            others = [interface(entry.get('address')) for entry in addresses]
            for address in {found[0] for found in [*view.values(), *others] if found}:
                self.cell(address).hosts.append(name)
            for text, kind in tunnels:
                if interface(text):
                    self.cell(interface(text)[0]).refs.append((name, kind))
        if bgp is None or any(bgp.get(key) for key in bgp):
            self.metadata[name] = {}
            for version in (4, 6):
                found = own[version] if own[version] and own[version][2] else listed(version)
                if found:
                    self.metadata[name][version] = found[0]
        self.written_macs[name] = {version: spec.get(field) for version, field in MAC_FIELDS.items()}
        if bgp is not None:
            self.vteps[name] = {
                version: own[version][0]
                for version, text in ((4, tunnels[1][0]), (6, tunnels[2][0]))
                if own[version] and interface(text)
            }

    def allocations(self, block):
        """-> (address, holder, whether only cooling down) of each allocated address."""
        network, attributes = ipaddress.ip_network(block['cidr']), block.get('attributes') or []
        for ordinal, index in enumerate(block.get('allocations') or []):
            if index is None:
                continue
            of = (attributes[index] or {}) if index < len(attributes) else {}
            yield network[ordinal], (of.get('secondary') or {}).get('node', ''), bool(of.get('releasedAt'))

    def add_block(self, block):
        host = owner_of(block)
        for address, holder, _ in self.allocations(block):
            if holder and holder != host:
                self.cell(address).block = holder
        if host:
            self.cell(block['cidr']).block = host

    def add_workloads(self, workloads):
        if workloads is None:
            return None
        live = set()
        for workload in workloads:
            for text in workload['ips']:
                address = ipaddress.ip_interface(text).ip
                if workload['node'] == self.me:
                    live.add(address)
                if workload['node'] == self.me or self.from_workloads:
                    self.cell(address).refs.append((workload['node'], 'WORKLOAD'))
        return live

    def resolve(self, network):
        """What the resolver tells the route managers about one CIDR."""
        kind, node, types = 'NONE', None, set()
        crosses = borrowed = live = exact = is_tunnel = is_host = False
        first, of_blocks = None, set()
        for length in range(network.prefixlen + 1):
            cell = self.cells.get(network.supernet(new_prefix=length))
            if cell is None:
                continue
            if cell.pool:
                kind = kind if cell.pool[0] == 'NONE' else cell.pool[0]
                crosses = crosses or cell.pool[1]
            if cell.block is not None:
                borrowed = borrowed or (first is not None and first != cell.block)
                first = cell.block if first is None else first
                node = cell.block
                exact = exact or length == network.prefixlen
                of_blocks.add('LOCAL_WORKLOAD' if node == self.me else 'REMOTE_WORKLOAD')
            if cell.hosts:
                node, is_host = cell.hosts[0], True
            if cell.refs:
                node, what = cell.refs[0]
                borrowed = borrowed or (first is not None and first != node)
                where = 'LOCAL' if node == self.me else 'REMOTE'
                types.add(where + ('_WORKLOAD' if what == 'WORKLOAD' else '_TUNNEL'))
                live = live or (what == 'WORKLOAD' and node == self.me)
                is_tunnel = is_tunnel or what != 'WORKLOAD'
        if first is not None and not is_host and (exact or not is_tunnel):
            types |= of_blocks
        there = self.nodes.get(node, {}).get(network.version)
        here = self.nodes.get(self.me, {}).get(network.version)
        return {
            'kind': kind,
            'node': node,
            'types': types,
            'borrowed': borrowed,
            'live': live,
            'address': there and there[0],
            'same': bool(crosses and here and there and there[0] in here[1]),
        }

    def enabled(self, kind, version):
        """Whether Felix runs the manager of a kind of pool."""
        if version == 6 and self.felix.get('ipv6Support') is False:
            return False
        if kind == 'VXLAN':
            switch = self.felix.get('vxlanEnabled') if version == 4 else None
            return ('vxlan', version) in self.modes if switch is None else switch
        if kind == 'IPIP':
            switch = self.felix.get('ipipEnabled')
            return version == 4 and (('ipip', 4) in self.modes if switch is None else switch)
        return kind == 'NO_ENCAP' and self.felix.get('programClusterRoutes') in ('Enabled', 'EnabledNoEncapOnly')

    def routes(self):
        """CIDR -> (action, via): what the managers program into the kernel."""
        table = {}
        for network in self.cells:
            if network.prefixlen == network.max_prefixlen and int(network.network_address) == 0:
                continue
            route = self.resolve(network)
            if route['live']:
                table[network] = ('local', None)
            elif self.enabled(route['kind'], network.version):
                way = self.way(route, network.version)
                if way:
                    table[network] = way
                elif 'LOCAL_WORKLOAD' in route['types'] and network.prefixlen < network.max_prefixlen:
                    table[network] = ('blackhole', None)
        return table

    def way(self, route, version):
        """The manager's route to another node, if it has one."""
        kind, types, node = route['kind'], route['types'], route['node']
        if 'REMOTE_WORKLOAD' not in types and not ('REMOTE_TUNNEL' in types and route['borrowed']):
            return None
        known = self.vteps if kind == 'VXLAN' else self.metadata
        parent = known.get(self.me, {}).get(version)
        if parent and (kind == 'NO_ENCAP' or route['same']) and route['address']:
            return 'direct', route['address']
        there = known.get(node, {}).get(version)
        if kind == 'NO_ENCAP' or there is None:
            return None
        return kind.lower(), there

    def accepted(self):
        """The sets all-vxlan-net and all-hosts-net, without this node itself."""
        sets = {'vxlan': set(), 'ipip': set()}
        for kind, known in (('VXLAN', self.vteps), ('IPIP', self.metadata)):
            for version in (4, 6):
                if not self.enabled(kind, version):
                    continue
                sets[kind.lower()] |= {
                    str(there[version]) for name, there in known.items() if name != self.me and version in there
                }
                if version == 4:
                    sets[kind.lower()] |= set(self.felix.get('externalNodesList') or [])
        return {kind: sorted(found) for kind, found in sets.items()}

    def macs(self):
        """MAC of each VTEP, by node and underlay address."""
        found = {}
        for name, there in self.vteps.items():
            found[name] = {}
            for version, address in there.items():
                hashed = name if version == 4 else name + '-v6'
                derived = b'f' + hashlib.sha1(hashed.encode()).digest()[:5]
                found[name][str(address)] = self.written_macs[name][version] or derived.hex(':')
        return found

    def mtus(self, underlay):
        """What packets for each pool may measure."""
        found = {}
        for network, cell in self.cells.items():
            key = (self.resolve(network)['kind'], network.version)
            if cell.pool and key in OVERHEAD:
                found[str(network)] = self.felix.get(MTU_FIELDS[key]) or underlay - OVERHEAD[key]
        return found

    def decide(self, destination, table):
        address = ipaddress.ip_address(destination)
        cell = self.cells.get(ipaddress.ip_network(address))
        if cell and cell.refs and cell.refs[0][0] == self.me and cell.refs[0][1] != 'WORKLOAD':
            return 'local', None, None
        if cell and cell.hosts:
            return 'none', None, 'host-ip'
        matching = [one for one in table if one.version == address.version and address in one]
        best = max(matching, key=lambda one: one.prefixlen, default=None)
        if self.held(address, borrowed=True):
            if self.live is None:
                return 'local', None, None
            if address not in self.live:
                return 'none', None, 'blackhole' if best else None
        if best is None or table[best][0] == 'blackhole':
            if self.live is None and self.held(address, borrowed=False):
                return 'local', None, None
            return 'none', None, 'no-route' if best is None else 'blackhole'
        action, via = table[best]
        return action, via and str(via), None

    def held(self, address, borrowed):
        """Whether IPAM says that this node has the address, from its own or from another's block."""
        if self.from_workloads:
            return False
        for block in self.blocks:
            network, host = ipaddress.ip_network(block['cidr']), owner_of(block)
            if address not in network or (host == self.me) == borrowed:
                continue
            if borrowed and host and network.prefixlen == network.max_prefixlen:
                continue
            for one, holder, cooling in self.allocations(block):
                if one == address and not cooling and (holder or host) == self.me:
                    return True
        return False


def owner_of(block):
    affinity = block.get('affinity') or ''
    return affinity[len('host:') :] if affinity.startswith('host:') else ''

import test from 'ava';
import { droppingRules, firewallFindings } from '../../../src/doctor/firewall.js';

/** As nftables 1.0.6 prints these rules with `nft -j list ruleset`. */
function listing(...expressions: readonly (readonly object[])[]): string {
  const rules = expressions.map((expr, handle) => ({
    rule: { family: 'inet', table: 'filter', chain: 'input', handle, expr },
  }));
  return JSON.stringify({ nftables: [{ metainfo: { version: '1.0.6' } }, ...rules] });
}

function port(right: unknown, protocol = 'udp'): object {
  return { match: { op: '==', left: { payload: { protocol, field: 'dport' } }, right } };
}

function protocol(right: unknown, [layer, field] = ['ip', 'protocol']): object {
  return { match: { op: '==', left: { payload: { protocol: layer, field } }, right } };
}

const finds = test.macro({
  exec(t, expr: readonly object[], what: string | undefined) {
    const found = droppingRules(listing(expr), '', 4789).map((rule) => rule.what);
    t.deepEqual(found, what === undefined ? [] : [what]);
  },
  title: (sentence = '') => sentence,
});

test('udp dport 4789 drop is seen', finds, [port(4789), { drop: null }], 'UDP 4789 (VXLAN)');
test('in a set too', finds, [port({ set: [53, 4789] }), { reject: {} }], 'UDP 4789 (VXLAN)');
test(
  'ip protocol ipencap drop is seen',
  finds,
  [protocol('ipencap'), { drop: null }],
  'protocol 4 (IP-in-IP)',
);
test('ip protocol 4 drop is seen', finds, [protocol(4), { drop: null }], 'protocol 4 (IP-in-IP)');
test(
  'the protocol of IPv6 in IP too, over IPv6',
  finds,
  [protocol('ipv6', ['ip6', 'nexthdr']), { drop: null }],
  'protocol 41 (IPv6 in IP)',
);
test(
  'in a range',
  finds,
  [port({ range: [4000, 5000] }, 'th'), { drop: null }],
  'UDP 4789 (VXLAN)',
);
test('TCP to that port is none', finds, [port(4789, 'tcp'), { drop: null }], undefined);
test(
  'ipip is protocol 94, which nobody here uses',
  finds,
  [protocol('ipip'), { drop: null }],
  undefined,
);
test('what accepts is none', finds, [port(4789), { accept: null }], undefined);
test('another port is none', finds, [port(8472), { drop: null }], undefined);
test(
  'what drops all else is none: one rule alone does not tell',
  finds,
  [{ drop: null }],
  undefined,
);

test('of what is ahead of the programs and what is not, the caller knows', (t) => {
  const rule = { where: 'inet x y', what: 'UDP 4789 (VXLAN)', family: 'inet', devices: [] };
  t.is(firewallFindings([rule], () => true)[0]?.severity, 'warn');
  t.is(firewallFindings([rule], () => false)[0]?.severity, 'note');
});

/** As nftables 1.0.6 prints them with `nft list chains`; later ones quote in a list too. */
const chains = `table netdev edge {
	chain one {
		type filter hook ingress device "eth1" priority filter; policy accept;
	}
	chain two {
		type filter hook egress devices = { eth1, eth2 } priority filter; policy accept;
	}
	chain three {
		type filter hook egress devices = { "eth1", "eth2.5" } priority 5; policy drop;
	}
}
table inet edge {
	chain one {
		type filter hook input priority filter; policy accept;
	}
	chain two {
		type filter hook ingress device "eth3" priority filter; policy accept;
	}
	chain three {
	}
}
`;

for (const [family, chain, devices] of [
  ['netdev', 'one', ['eth1']],
  ['netdev', 'two', ['eth1', 'eth2']],
  ['netdev', 'three', ['eth1', 'eth2.5']],
  ['inet', 'one', []],
  ['inet', 'two', ['eth3']],
  ['inet', 'three', []],
] as const)
  test(`interfaces whose packets alone a chain sees: ${family} ${chain}`, (t) => {
    const rule = { family, table: 'edge', chain, expr: [port(4789), { drop: null }] };
    const [found] = droppingRules(JSON.stringify({ nftables: [{ rule }] }), chains, 4789);
    t.deepEqual(found?.devices, devices);
  });

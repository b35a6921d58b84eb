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
    const found = droppingRules(listing(expr), 4789).map((rule) => rule.what);
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

test('a chain of the family netdev is of its interfaces alone', (t) => {
  for (const [dev, devices] of [
    ['eth1', ['eth1']],
    [
      ['eth1', 'eth2'],
      ['eth1', 'eth2'],
    ],
  ] as const) {
    const about = { family: 'netdev', table: 'edge' };
    const chain = { ...about, name: 'in', type: 'filter', hook: 'ingress', dev };
    const rule = { ...about, chain: 'in', expr: [port(4789), { drop: null }] };
    const [found] = droppingRules(JSON.stringify({ nftables: [{ chain }, { rule }] }), 4789);
    t.deepEqual(found?.devices, devices);
  }
});

import test from 'ava';
import { decide } from '../../../src/decide/decide.js';
import { fitWarnings } from '../../../src/decide/fit.js';
import type { NodeName } from '../../../src/model/node.js';
import type { Settings } from '../../../src/model/settings.js';
import { block, defaults, node, pool, world, type PoolOptions } from './worlds.js';

const self = {
  bgp: '172.16.0.1/24',
  bgp6: 'fd00:16::1/64',
  vxlan: '10.1.0.0',
  vxlan6: 'fd00:10:1::',
};

const tells = test.macro({
  title: (title) => title ?? '',
  exec: (
    t,
    underlayMtu: number,
    settings: Partial<Settings>,
    expected: readonly RegExp[],
    v6: PoolOptions = { vxlan: 'Always' },
  ) => {
    const decision = decide(
      world({
        pools: [pool('four', '10.0.0.0/8', { vxlan: 'Always' }), pool('six', 'fd00:10::/32', v6)],
        nodes: [node('a', self)],
        blocks: [block('10.1.0.0/26', 'a'), block('fd00:10:1::/122', 'a')],
        settings,
      }),
      'a' as NodeName,
    );
    const texts = fitWarnings(decision, underlayMtu).map(
      ({ subject, message }) => `${subject}: ${message}`,
    );
    t.is(texts.length, expected.length, texts.join('\n'));
    expected.forEach((pattern, place) => t.regex(texts[place] ?? '', pattern));
  },
});
const sixOverFour = { beyondCalico: { ...defaults.beyondCalico, ipv6PoolsOver: 'ipv4' } } as const;
const byIp6ip = { beyondCalico: { ...defaults.beyondCalico, ip6ip: true } } as const;

test('Ethernet has room for all', tells, 1500, {}, []);
test('1350 bytes leave the 1280 of IPv6 beside the 70 of VXLAN over IPv6', tells, 1350, {}, []);
test('1349 do not', tells, 1349, {}, [
  /^IPPool six: the underlay's 1349 leaves 1279 bytes, and IPv6 sends packets of 1280 .* MTU of 1350 or more$/,
]);
test('over IPv4 1330 are enough', tells, 1330, sixOverFour, []);
test('1329 are not', tells, 1329, sixOverFour, [/MTU of 1330 or more$/]);
test('IP6-in-IP over IPv6 needs 1320', tells, 1320, byIp6ip, [], { ipip: 'Always' });
test('1319 are not enough', tells, 1319, byIp6ip, [/MTU of 1320 or more$/], { ipip: 'Always' });
test('IPv4 has no such size', tells, 600, {}, [/^IPPool six: /]);
test(
  'a FelixConfiguration may set more than the underlay leaves',
  tells,
  1500,
  { mtu: { vxlan: 1451, vxlanV6: 1430, ipip: 0 } },
  [
    /^IPPool four: FelixConfiguration sets an MTU of 1451: with 50 bytes of outer headers that does not fit the underlay's 1500; set 1450 or less$/,
  ],
);
test(
  'an MTU that fits over one family need not fit over the other',
  tells,
  1500,
  {
    beyondCalico: { ...defaults.beyondCalico, ipv4PoolsOver: 'ipv6' },
    mtu: { vxlan: 1450, vxlanV6: 0, ipip: 0 },
  },
  [/^IPPool four: .*with 70 bytes .* set 1430 or less$/],
);

import test from 'ava';
import {
  carries,
  encapNames,
  encapsulations,
  travelsOver,
  type EncapName,
} from '../../../src/encap/index.js';
import { families, type Family } from '../../../src/net/address.js';

const ethernet = 14;
const ip = { ipv4: 20, ipv6: 40 } as const;
const udp = 8;
const vxlanHeader = 8;

const costs = test.macro({
  title: (_, name: EncapName, family: Family, bytes: number) =>
    `${name} over ${family} takes ${bytes} bytes`,
  exec: (t, name: EncapName, family: Family, bytes: number) => {
    t.is<number, number>(encapsulations[name].overheadBytes[family], bytes);
  },
});
test(costs, 'ipip', 'ipv4', ip.ipv4);
test(costs, 'ipip', 'ipv6', ip.ipv6);
test(costs, 'ip6ip', 'ipv4', ip.ipv4);
test(costs, 'ip6ip', 'ipv6', ip.ipv6);
test(costs, 'vxlan', 'ipv4', ip.ipv4 + udp + vxlanHeader + ethernet);
test(costs, 'vxlan', 'ipv6', ip.ipv6 + udp + vxlanHeader + ethernet);

test('an encapsulation is listed under its own name', (t) => {
  for (const [name, encapsulation] of Object.entries(encapsulations))
    t.is<string, string>(encapsulation.name, name);
});
const fits = test.macro({
  title: (_, name: EncapName, ways: readonly string[]) => `${name} carries ${ways.join(', ')}`,
  exec: (t, name: EncapName, ways: readonly string[]) => {
    t.deepEqual(
      families.flatMap((inner) =>
        families
          .filter((underlay) => carries(name, inner) && travelsOver(name, underlay))
          .map((underlay) => `${inner} over ${underlay}`),
      ),
      [...ways],
    );
  },
});
test(fits, 'ipip', ['ipv4 over ipv4']);
test(fits, 'ip6ip', ['ipv6 over ipv4', 'ipv6 over ipv6']);
test(fits, 'vxlan', ['ipv4 over ipv4', 'ipv4 over ipv6', 'ipv6 over ipv4', 'ipv6 over ipv6']);

test('the list of names is that of the encapsulations', (t) => {
  t.deepEqual([...encapNames], ['ipip', 'ip6ip', 'vxlan']);
});
test('VXLAN alone carries Ethernet frames', (t) => {
  t.true(encapsulations.vxlan.carriesEthernet);
  t.false(encapsulations.ipip.carriesEthernet);
  t.false(encapsulations.ip6ip.carriesEthernet);
});

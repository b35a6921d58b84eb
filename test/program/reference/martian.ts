import type { Address } from '../../../src/net/address.js';
import type { Cidr } from '../../../src/net/cidr.js';
import { PrefixTable } from '../../../src/net/prefix-table.js';

/** An address that no packet on its way between two machines has, RFC 1812 section 5.3.7, RFC 6890, RFC 4291 section 2. */
export function isMartian(address: Address): boolean {
  return martians.match(address) !== undefined;
}

const martians = new PrefixTable<string>([
  ['0.0.0.0/8' as Cidr, 'this network'],
  ['127.0.0.0/8' as Cidr, 'loopback'],
  ['224.0.0.0/4' as Cidr, 'multicast'],
  ['240.0.0.0/4' as Cidr, 'reserved, with the limited broadcast'],
  ['::/96' as Cidr, 'unspecified, loopback, and IPv4-compatible addresses'],
  ['::ffff:0.0.0.0/96' as Cidr, 'IPv4-mapped addresses'],
  ['fe80::/10' as Cidr, 'link-local'],
  ['ff00::/8' as Cidr, 'multicast'],
]);

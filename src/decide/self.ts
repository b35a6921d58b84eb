import type { Self } from '../model/desired.js';
import type { Node } from '../model/node.js';
import { familyOf, type Address, type Family } from '../net/address.js';
import type { Carriage } from './carriage.js';
import { tunnelAddressesOf } from './claim.js';
import { hostOf } from './host.js';
import { vtepMacOf } from './vtep.js';

/** One family of this node; undefined where it has no address of it. */
export function selfOf(
  node: Node | undefined,
  family: Family,
  carriages: readonly Carriage[],
): Self | undefined {
  if (node === undefined) return undefined;
  const { interfaceAddress } = hostOf(node, family);
  if (interfaceAddress === undefined) return undefined;
  // A family that this node has no address of, but whose packets travel over this one, has its tunnel addresses here.
  const isHere = (address: Address): boolean =>
    familyOf(address) === family ||
    (hostOf(node, familyOf(address)).interfaceAddress === undefined &&
      carriages.some((one) => one.underlay === family && one.inner === familyOf(address)));
  return {
    address: interfaceAddress.address,
    prefixLength: interfaceAddress.prefixLength,
    vtepMac: vtepMacOf(node, family),
    tunnelAddresses: tunnelAddressesOf(node).filter(isHere),
  };
}

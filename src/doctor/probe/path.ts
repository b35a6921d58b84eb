import { familyOf, type Address } from '../../net/address.js';
import { ping, type Pong } from './ping.js';

/** The underlay's path to a peer, tried with packets of growing size. */
export interface PathProbe {
  readonly peer: string;
  readonly address: Address;
  readonly result:
    | { readonly how: 'full'; readonly mtu: number }
    /** A router told, and `by` is it. */
    | { readonly how: 'told'; readonly mtu: number; readonly by: string }
    /** The kernel remembers what a router told, and sends nothing larger: not tried. */
    | { readonly how: 'remembered'; readonly mtu: number }
    /** Nobody told: found by trying. */
    | { readonly how: 'silent'; readonly mtu: number }
    | { readonly how: 'unreachable'; readonly mtu?: undefined };
}

/** What every link must take: RFC 791 section 3.2 (hosts: 576), RFC 8200 section 5. */
const least = { ipv4: 576, ipv6: 1280 } as const;

/** Sizes that are tried at once. */
const breadth = 16;

/** Tries a path with three packets of each size, and 16 sizes at a time. `most`: the uplink's MTU. */
export async function probePath(
  { name, address }: { readonly name: string; readonly address: Address },
  most: number,
): Promise<PathProbe> {
  const about = { peer: name, address };
  const [small, full] = await Promise.all([tried(address, 84), tried(address, most)]);
  if (full.received > 0) return { ...about, result: { how: 'full', mtu: most } };
  const { mtu = 0, by } = full.tooBig ?? {};
  if (mtu > 0 && by !== undefined) return { ...about, result: { how: 'told', mtu, by } };
  if (mtu > 0) return { ...about, result: { how: 'remembered', mtu } };
  if (small.received === 0) return { ...about, result: { how: 'unreachable' } };
  return { ...about, result: { how: 'silent', mtu: await largest(address, most) } };
}

/** The largest that arrives, found in rounds of sizes that lie evenly. */
async function largest(address: Address, most: number): Promise<number> {
  let [passes, fails] = [least[familyOf(address)] as number, most];
  while (fails - passes > 1) {
    const step = Math.max(1, Math.ceil((fails - passes) / (breadth + 1)));
    const sizes = Array.from({ length: breadth }, (_, place) => passes + (place + 1) * step).filter(
      (size) => size < fails,
    );
    const answers = await Promise.all(sizes.map((size) => tried(address, size)));
    const lost = answers.findIndex(({ received }) => received === 0);
    const [last, next] = lost === -1 ? [sizes.at(-1), fails] : [sizes[lost - 1], sizes[lost]];
    [passes, fails] = [last ?? passes, next ?? fails];
  }
  return passes;
}

/** Three chances: a lossy path is no narrow one. */
function tried(to: Address, bytes: number): Promise<Pong> {
  return ping({ to, bytes, count: 3, intervalMs: 100, waitMs: 500 });
}

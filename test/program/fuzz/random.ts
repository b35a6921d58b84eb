/** A whole number from 0 to below `below`. */
export type Random = (below: number) => number;

/** mulberry32: the same seed, the same numbers on every machine. */
export function generator(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** One of a list. */
export function pick<T>(list: readonly T[], random: Random): T {
  const picked = list[random(list.length)];
  if (picked === undefined) throw new RangeError('there is nothing to pick from');
  return picked;
}

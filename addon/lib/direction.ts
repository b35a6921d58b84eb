/** As the interface sees packets. */
export type Direction = 'ingress' | 'egress';

/** Checked: a misspelt direction must not become ingress. */
export function isEgress(direction: Direction): boolean {
  switch (direction) {
    case 'ingress':
      return false;
    case 'egress':
      return true;
    default:
      throw new TypeError(`direction must be ingress or egress, not ${String(direction)}`);
  }
}

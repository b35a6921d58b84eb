/** What an agent has after so many rounds: bytes, and numbers of things. */
export interface Possessions {
  readonly round: number;
  readonly rss: number;
  /** V8's heap and what hangs on it, behind a collection. */
  readonly heap: number;
  readonly fds: number;
  readonly maps: number;
  readonly programs: number;
  readonly links: number;
  readonly netlink: number;
  /** Files and folders below the pins. */
  readonly pins: number;
}

/** Growth for each round: the line of least squares. */
export function slope(points: readonly (readonly [round: number, bytes: number])[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([round]) => round)), mean(points.map(([, bytes]) => bytes))];
  const products = points.map(([round, bytes]) => (round - x) * (bytes - y));
  const squares = points.map(([round]) => (round - x) ** 2);
  return mean(products) / mean(squares);
}

/** What turns one table's content into another's. */
export interface Changes<K, V> {
  readonly put: ReadonlyMap<K, V>;
  readonly remove: readonly K[];
}

/** Pure: equal maps give no change, and applying the changes to `actual` gives `desired`. */
export function diff<K, V>(
  desired: ReadonlyMap<K, V>,
  actual: ReadonlyMap<K, V>,
  same: (a: V, b: V) => boolean,
): Changes<K, V> {
  const put = new Map<K, V>();
  for (const [key, value] of desired) {
    const there = actual.get(key);
    if (there === undefined || !same(there, value)) put.set(key, value);
  }
  return { put, remove: [...actual.keys()].filter((key) => !desired.has(key)) };
}

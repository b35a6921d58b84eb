import { EncapError } from '../errors.js';
import { diff, type Changes } from './diff.js';
import type { Table } from './table.js';

/** One change to the kernel, as data: what `--dry-run` prints and the log says. */
export interface Change {
  readonly table: string;
  readonly action: 'put' | 'remove';
  readonly key: string;
  readonly value?: unknown;
}

/** One table's way to what it should hold. Nothing is written before `put` and `remove` are called. */
export interface Step {
  readonly name: string;
  readonly changes: readonly Change[];
  put(): void;
  remove(): void;
}

/** The step that brings a table to `desired`; `actual` is what it was read to hold. */
export function step<K extends string | number, V>(
  table: Table<K, V>,
  desired: ReadonlyMap<K, V>,
  actual: ReadonlyMap<K, V>,
): Step {
  const changes = diff(desired, actual, (a, b) => table.same(a, b));
  const nonsense = table.nonsense?.() ?? [];
  return {
    name: table.name,
    changes: [...removals(table.name, nonsense), ...listed(table.name, changes)],
    put: () => {
      // at first: a value of nonsense may have the key of what is put
      if (nonsense.length > 0) table.sweep?.();
      if (changes.put.size > 0) table.put(changes.put);
    },
    remove: () => {
      if (changes.remove.length > 0) table.remove(changes.remove);
    },
  };
}

/**
 * Puts in the order of the steps, then removes in reverse: accept before send, send before route.
 * A step that fails stops the ones behind it and undoes nothing, as every prefix of this order is safe.
 */
export function reconcile(steps: readonly Step[]): readonly Change[] {
  for (const step of steps) guarded('put entries in', step.name, () => step.put());
  for (const step of [...steps].reverse())
    guarded('remove entries from', step.name, () => step.remove());
  return steps.flatMap(({ changes }) => changes);
}

function guarded(verb: string, table: string, run: () => void): void {
  try {
    run();
  } catch (cause) {
    if (cause instanceof EncapError) throw cause;
    const { code, hint } = failureOf(cause);
    const full = code === 'ENOSPC' || code === 'E2BIG';
    throw new EncapError(
      `cannot ${verb} ${table}: ${code ?? (cause instanceof Error ? cause.message : 'unknown failure')}`,
      {
        code: full ? 'TABLE_FULL' : 'KERNEL_REFUSED',
        ...(cause instanceof Error ? { why: cause.message } : {}),
        ...(hint === undefined ? {} : { hint }),
        cause,
      },
    );
  }
}

function failureOf(cause: unknown): { code: string | undefined; hint: string | undefined } {
  const { code, hint } = (cause ?? {}) as { code?: unknown; hint?: unknown };
  return {
    code: typeof code === 'string' ? code : undefined,
    hint: typeof hint === 'string' ? hint : undefined,
  };
}

function listed<K extends string | number, V>(table: string, changes: Changes<K, V>): Change[] {
  return [
    ...[...changes.put].map(([key, value]) => ({
      table,
      action: 'put' as const,
      key: String(key),
      value,
    })),
    ...removals(table, changes.remove),
  ];
}

function removals(table: string, keys: readonly (string | number)[]): Change[] {
  return keys.map((key) => ({ table, action: 'remove' as const, key: String(key) }));
}

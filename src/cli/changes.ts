import type { Change } from '../datapath/reconcile.js';
import type { View } from './output.js';
import type { Session } from './session.js';

/** Changes to the kernel: made, or (dry run) only found. */
export function changesView(
  node: string | undefined,
  changes: readonly Change[],
  dryRun: boolean,
): View {
  return {
    document: { apiVersion: 'encap/v1', kind: 'ChangeList', node, dryRun, items: changes },
    names: () => changes.map(({ table, key }) => `${table}/${key}`),
    text: (session) =>
      [...changes.map((change) => changeText(session, change)), summary(changes, dryRun)].join(
        '\n',
      ),
  };
}

/** `+ blocks 10.244.3.0/26  peer 2, policy 0`. */
function changeText(
  { paint }: Pick<Session, 'paint'>,
  { table, action, key, value }: Change,
): string {
  const sign = action === 'put' ? paint.green('+') : paint.red('-');
  const detail = detailOf(value);
  return `${sign} ${table.padEnd(10)} ${key}${detail === '' ? '' : `   ${paint.dim(detail)}`}`;
}

function detailOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `${name} ${String(member)}`)
    .join(', ');
}

function summary(changes: readonly Change[], dryRun: boolean): string {
  const counts = new Map<string, number>();
  for (const { table } of changes) counts.set(table, (counts.get(table) ?? 0) + 1);
  const parts = [...counts].map(([table, count]) => `${table} ${count}`);
  const all = parts.length === 0 ? 'no changes' : `${changes.length} changes: ${parts.join(', ')}`;
  return dryRun ? `${all}. Nothing was done.` : all;
}

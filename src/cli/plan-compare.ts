import { differences, type Difference } from '../decide/compare.js';
import type { Decision } from '../decide/decide.js';
import { planOf } from '../decide/plan.js';
import { rehearse, type Round } from '../datapath/rehearsal.js';
import { reloadBetween, type GrownMap, type ObjectSizes, type Reload } from '../datapath/reload.js';
import type { SwitchTiming } from '../datapath/switching.js';
import type { Inventory } from '../model/inventory.js';
import type { NodeName } from '../model/node.js';
import type { View } from './output.js';
import type { Paint } from './paint.js';
import type { Session } from './session.js';

/** One of the worlds that are compared. */
export interface Told {
  /** As the command line names it. */
  readonly name: string;
  readonly inventory: Inventory;
  readonly decision: Decision;
  readonly underlayMtu: number;
}

/** What becomes another for a node between two worlds, and what an agent would write. */
export interface Comparison {
  readonly node: NodeName;
  readonly before: string;
  readonly after: string;
  readonly differences: readonly Difference[];
  readonly rounds: readonly Round[];
  /** null: the programs stay. */
  readonly reload: Reload | null;
}

/** Pure. */
export function comparisonOf(
  node: NodeName,
  before: Told,
  after: Told,
  { timing, sizesOf }: { readonly timing: SwitchTiming; readonly sizesOf: ObjectSizes },
): Comparison {
  const side = ({ inventory, decision, underlayMtu }: Told) => ({
    plan: planOf(inventory, node, { underlayMtu, decision }),
    settings: inventory.settings,
  });
  const loaded = ({ inventory: { settings }, decision: { desired } }: Told) => ({
    desired,
    settings,
  });
  return {
    node,
    before: before.name,
    after: after.name,
    differences: differences(side(before), side(after)),
    rounds: rehearse(before.decision.desired, after.decision.desired, timing),
    reload: reloadBetween(loaded(before), loaded(after), sizesOf),
  };
}

/** `-o name`: the nodes to which packets go another way. */
export function comparisonView(comparison: Comparison): View {
  return {
    document: { apiVersion: 'encap/v1', kind: 'Comparison', ...comparison },
    names: () => [...new Set(comparison.differences.flatMap(({ peers }) => peers))].sort(),
    text: (session) => comparisonText(session, comparison),
  };
}

function comparisonText(
  { paint }: Session,
  { node, before, after, differences: all, rounds, reload }: Comparison,
): string {
  const width = Math.max(0, ...all.map((one) => subjectOf(one).length));
  const sign = ({ before: old, after: now }: Difference): string =>
    old === null ? paint.green('+') : now === null ? paint.red('-') : paint.yellow('~');
  return [
    `${paint.bold(node)}   ${before} -> ${after}`,
    ...all.flatMap((one) => [
      `${sign(one)} ${subjectOf(one).padEnd(width)}   ${wayOf(one)}${peersText(one)}`,
      ...(one.notice === undefined ? [] : [`    ${paint.yellow('!')} ${one.notice}`]),
    ]),
    ...(reload === null ? [] : reloadLines(paint, reload)),
    paint.dim(
      `${writesText(rounds)} ${reload === null ? 'The programs stay.' : 'The programs are loaded anew.'} Nothing was done.`,
    ),
  ].join('\n');
}

function subjectOf({ kind, name }: Difference): string {
  return `${kind} ${name}`;
}

function wayOf({ before, after }: Difference): string {
  if (before === null) return after ?? '';
  return after === null ? `was ${before}` : `${before} -> ${after}`;
}

function peersText({ kind, peers }: Difference): string {
  if (kind !== 'pool' || peers.length === 0) return '';
  const [few, rest] = [peers.slice(0, 3), peers.length - 3];
  return `   (${few.join(', ')}${rest > 0 ? ` and ${rest} more` : ''})`;
}

/** Why, and what running connections notice: docs/faults.md, F04 and F05. */
function reloadLines(paint: Paint, { object, constants, maps }: Reload): readonly string[] {
  const reasons = [
    ...(object === null ? [] : [`of another object, ${object}.bpf.o`]),
    ...(constants.length === 0 ? [] : [`with other constants: ${constants.join(', ')}`]),
    ...(maps.length === 0 ? [] : [`with larger maps: ${maps.map(grownText).join(', ')}`]),
  ];
  const notice =
    maps.length === 0
      ? 'swapped at once, each packet meets the old ones or the new ones: none is lost'
      : 'all maps are filled beside the old ones, then the programs are swapped: no packet is lost; counters begin anew';
  return [
    `${paint.yellow('~')} programs loaded anew   ${reasons.join('; ')}`,
    `    ${paint.yellow('!')} ${notice}`,
  ];
}

function grownText({ name, before, after }: GrownMap): string {
  return `${name} ${before} -> ${after}`;
}

function writesText(rounds: readonly Round[]): string {
  const total = rounds.reduce((sum, { changes }) => sum + changes.length, 0);
  if (total === 0) return 'No map is written.';
  const parts = rounds.map(({ atMs, changes }) => `${changes.length} after ${atMs / 1000} s`);
  const writes = total === 1 ? '1 map write' : `${total} map writes`;
  return rounds.length === 1 && rounds[0]?.atMs === 0
    ? `${writes}, at once.`
    : `${writes}: ${parts.join(', ')}.`;
}

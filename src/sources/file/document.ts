import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Document as YamlDocument,
  type Node,
} from 'yaml';
import { type Document, withoutNulls } from '../../model/document.js';
import type { Path } from '../../model/problem.js';
import type { Text } from './text.js';

/** The resources of one document: itself, or the items of a List. `parsed` is asked for places. */
export function documentsOf(text: Text, parsed: () => YamlDocument, value: unknown): Document[] {
  const whole = withoutNulls(value);
  if (whole === undefined) return [];
  return itemsOf(whole).map(({ base, value: item }) => ({
    file: text.file,
    value: item,
    base,
    spot: (path) => text.spot(...rangeOf(valueAt(parsed(), [...base, ...path]))),
    keySpot: (path) => text.spot(...rangeOf(keyAt(parsed(), [...base, ...path]))),
  }));
}

/** Where a document's value begins, behind comments and `---`. */
export function startOf(parsed: YamlDocument): number {
  return rangeOf(parsed.contents)[0];
}

interface Item {
  readonly base: Path;
  readonly value: unknown;
}

/** `kind: List` of v1, IPPoolList and its like. A WorkloadList is one resource: its items have no kind. */
function itemsOf(value: unknown): Item[] {
  if (!isRecord(value)) return [{ base: [], value }];
  const { kind, apiVersion, items } = value;
  if (
    typeof kind !== 'string' ||
    !kind.endsWith('List') ||
    kind === 'WorkloadList' ||
    !Array.isArray(items)
  )
    return [{ base: [], value }];
  // `kubectl get --raw` leaves kind and apiVersion to the list.
  const of = kind === 'List' ? {} : { kind: kind.slice(0, -'List'.length), apiVersion };
  return items.map((item: unknown, index) => ({
    base: ['items', index],
    value: isRecord(item) ? { ...of, ...item } : item,
  }));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Found = Node | null | undefined;

/** The node at a path, else the nearest enclosing one. */
function valueAt(document: YamlDocument, path: Path): Found {
  return walk(document, path).value;
}

function keyAt(document: YamlDocument, path: Path): Found {
  const { key, value } = walk(document, path);
  return key ?? value;
}

function walk(document: YamlDocument, path: Path): { key: Found; value: Found } {
  let value: Found = document.contents;
  let key: Found;
  for (const step of path) {
    const inside: Found = isAlias(value) ? value.resolve(document) : value;
    const next: { readonly key: unknown; readonly value: unknown } | undefined = isMap(inside)
      ? inside.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(step))
      : isSeq(inside) && typeof step === 'number'
        ? { key: undefined, value: inside.items[step] }
        : undefined;
    if (next === undefined) return { key: undefined, value };
    key = isNode(next.key) ? next.key : undefined;
    if (!isNode(next.value)) return { key, value: key ?? value };
    value = next.value;
  }
  return { key, value };
}

function rangeOf(node: Found): readonly [number, number] {
  const range = node?.range;
  return range ? [range[0], range[1]] : [0, 0];
}

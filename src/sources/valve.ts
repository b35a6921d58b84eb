import { headOf } from '../model/check.js';
import { PlainBlock } from '../model/plain-block.js';
import type { Understood } from '../model/understand.js';

/** So many of a kind may vanish at once, however few there are. */
const alwaysAllowed = 10;

/** Without a single one of these nothing is left of an overlay. */
const indispensable: readonly string[] = ['Node', 'IPPool'];

/**
 * What a later list of a datastore lacks. An empty or shrunken list is what a restored, half-copied or wrong datastore
 * gives: more than half of the nodes, pools or blocks don't go at once because somebody meant it.
 */
export class Loss {
  readonly #kinds = new Map<string, { readonly total: number; readonly missing: Set<string> }>();

  constructor(before: ReadonlyMap<string, Understood>, after: ReadonlyMap<string, Understood>) {
    const totals = new Map<string, number>();
    for (const one of before.values()) {
      const kind = kindIn(one);
      totals.set(kind, (totals.get(kind) ?? 0) + 1);
    }
    for (const [kind, total] of totals) this.#kinds.set(kind, { total, missing: new Set() });
    for (const [key, one] of before)
      if (!after.has(key)) this.#kinds.get(kindIn(one))?.missing.add(key);
  }

  /** A resource that was there before came back, or went after the list was made. */
  note(key: string, before: Understood | undefined, isThere: boolean): void {
    if (before === undefined) return;
    const missing = this.#kinds.get(kindIn(before))?.missing;
    if (isThere) missing?.delete(key);
    else missing?.add(key);
  }

  /** `130 of 200 blocks`; undefined where no more is lost than may be. */
  get words(): string | undefined {
    const words = [...this.#kinds].flatMap(
      ([
        kind,
        {
          total,
          missing: { size },
        },
      ]) => {
        const isMost = size * 2 > total && size > alwaysAllowed;
        const isAll = size === total && indispensable.includes(kind);
        return isMost || isAll ? [`${size} of ${total} ${nouns[kind] ?? kind}`] : [];
      },
    );
    return words.length === 0 ? undefined : words.join(', ');
  }
}

const nouns: Readonly<Record<string, string>> = {
  IPAMBlock: 'blocks',
  IPPool: 'pools',
  Node: 'nodes',
};

function kindIn(one: Understood): string {
  return one instanceof PlainBlock ? one.kind : (headOf(one.document.value).kind ?? '');
}

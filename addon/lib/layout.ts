/** What a codec's bytes mean, so that they can be compared with BTF. */
export type Layout =
  | { readonly kind: 'integer'; readonly size: number; readonly order: 'host' | 'network' }
  | { readonly kind: 'bytes'; readonly size: number }
  | {
      readonly kind: 'array';
      readonly size: number;
      readonly item: Layout;
      readonly length: number;
    }
  | {
      readonly kind: 'enumeration';
      readonly size: number;
      readonly name: string;
      readonly members: ReadonlyMap<string, number>;
    }
  | {
      readonly kind: 'struct';
      readonly size: number;
      readonly name: string;
      readonly fields: readonly FieldLayout[];
    };

export interface FieldLayout {
  readonly name: string;
  readonly offset: number;
  readonly layout: Layout;
}

/** Natural alignment in C on 64-bit BPF. */
export function alignmentOf(layout: Layout): number {
  switch (layout.kind) {
    case 'integer':
    case 'enumeration':
      return layout.size;
    case 'bytes':
      return 1;
    case 'array':
      return alignmentOf(layout.item);
    case 'struct':
      return Math.max(1, ...layout.fields.map((field) => alignmentOf(field.layout)));
  }
}

/** The next multiple of `alignment`. */
export function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

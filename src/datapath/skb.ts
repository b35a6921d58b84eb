import { Btf, features, type BtfStruct } from 'libbpf-ts';
import type { skbLayout } from './abi.js';

/** struct skb_layout: where this kernel keeps what programs must know of a packet's checksum. */
export type SkbLayout = ReturnType<(typeof skbLayout)['decode']>;

/** Nothing is known: programs then compute no checksum that they could get wrong. */
export const unknownSkb: SkbLayout = {
  head: 0,
  data: 0,
  csumStart: 0,
  csumOffset: 0,
  ipSummed: 0,
  ipSummedShift: 0,
  notInetShift: 0,
  notInet: 0,
};

/** Reads struct sk_buff of the running kernel's own BTF; unknown where it has none. */
export function probeSkb(): SkbLayout {
  return features.kernelBtf() ? skbLayoutOf(Btf.kernel()) : unknownSkb;
}

/** The same, of any kernel's BTF. */
export function skbLayoutOf(btf: Btf): SkbLayout {
  const struct = skBuff(btf);
  const bits = struct === undefined ? new Map<string, number>() : new Map(bitOffsets(btf, struct));
  const [head, data, start, offset, summed] = [
    'head',
    'data',
    'csum_start',
    'csum_offset',
    'ip_summed',
  ].map((name) => bits.get(name));
  if (
    head === undefined ||
    data === undefined ||
    start === undefined ||
    offset === undefined ||
    summed === undefined
  )
    return unknownSkb;
  const notInet = bits.get('csum_not_inet') ?? 0;
  return {
    head: head >> 3,
    data: data >> 3,
    csumStart: start >> 3,
    csumOffset: offset >> 3,
    ipSummed: summed >> 3,
    ipSummedShift: summed & 7,
    notInetShift: notInet & 7,
    notInet: notInet >> 3,
  };
}

/** The first of that name, without an index of the kernel's hundred thousand names. */
function skBuff(btf: Btf): BtfStruct | undefined {
  for (const type of btf.types) if (type.kind === 'struct' && type.name === 'sk_buff') return type;
  return undefined;
}

/** Offsets of all fields in bits, those of unnamed structs and unions inside too. */
function* bitOffsets(btf: Btf, { fields }: BtfStruct, base = 0): Iterable<[string, number]> {
  for (const { name, type, bitOffset } of fields) {
    const inside = name === '' ? btf.resolve(type) : undefined;
    if (inside?.kind === 'struct' || inside?.kind === 'union')
      yield* bitOffsets(btf, inside, base + bitOffset);
    else yield [name, base + bitOffset];
  }
}

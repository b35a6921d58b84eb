import { endianness } from 'node:os';
import type { ProgramType } from './types.js';

/** What a program finds in its context, or leaves there. Older kernels refuse fields that they cannot set: give few. */
export interface Context {
  readonly ifindex?: number;
  /** Kernel 5.10 refuses it, 6.1 takes it. */
  readonly ingressIfindex?: number;
  readonly mark?: number;
  readonly priority?: number;
  /** At most five words. */
  readonly cb?: readonly number[];
  readonly gsoSize?: number;
}

/** What the kernel tells of the context after the run. */
export interface ContextAfter {
  readonly mark: number;
  readonly priority: number;
  readonly cb: readonly number[];
}

/** Offsets in struct __sk_buff (linux/bpf.h). */
const skb = {
  mark: 8,
  priority: 32,
  ingressIfindex: 36,
  ifindex: 40,
  cb: 48,
  gsoSize: 176,
  size: 192,
};
/** Offsets in struct xdp_md. */
const xdp = { data: 0, dataEnd: 4, ingressIfindex: 12, size: 24 };

/** Room for a __sk_buff that has grown since. */
const largest = 256;
const little = endianness() === 'LE';

/** Program types whose context is a __sk_buff. */
const skbTypes: ReadonlySet<ProgramType> = new Set([
  'socket_filter',
  'sched_cls',
  'sched_act',
  'cgroup_skb',
  'lwt_in',
  'lwt_out',
  'lwt_xmit',
]);

/** The context's bytes for BPF_PROG_TEST_RUN, and how many to ask back. */
export function encodeContext(
  type: ProgramType,
  context: Context | undefined,
  packetSize: number,
): { readonly bytes: Uint8Array | undefined; readonly sizeOut: number } {
  if (skbTypes.has(type)) return { bytes: context && encodeSkb(context), sizeOut: largest };
  if (context === undefined) return { bytes: undefined, sizeOut: 0 };
  if (type === 'xdp') return { bytes: encodeXdp(context, packetSize), sizeOut: xdp.size };
  throw new TypeError(`programs of type ${type} take no context`);
}

function encodeSkb(context: Context): Uint8Array {
  const bytes = new Uint8Array(skb.size);
  put(bytes, skb.mark, context.mark, 'mark');
  put(bytes, skb.priority, context.priority, 'priority');
  put(bytes, skb.ingressIfindex, context.ingressIfindex, 'ingressIfindex');
  put(bytes, skb.ifindex, context.ifindex, 'ifindex');
  put(bytes, skb.gsoSize, context.gsoSize, 'gsoSize');
  const cb = context.cb ?? [];
  if (cb.length > 5) throw new RangeError(`cb has five words, not ${cb.length}`);
  cb.forEach((word, index) => put(bytes, skb.cb + index * 4, word, `cb[${index}]`));
  return bytes;
}

function encodeXdp(context: Context, packetSize: number): Uint8Array {
  const stray = Object.keys(context).find((name) => name !== 'ingressIfindex');
  if (stray !== undefined) throw new TypeError(`the context of an XDP program has no ${stray}`);
  const bytes = new Uint8Array(xdp.size);
  put(bytes, xdp.dataEnd, packetSize, 'packet size');
  put(bytes, xdp.ingressIfindex, context.ingressIfindex, 'ingressIfindex');
  return bytes;
}

/** Of a __sk_buff; undefined for programs that have another context. */
export function decodeContext(type: ProgramType, bytes: Uint8Array): ContextAfter | undefined {
  if (!skbTypes.has(type) || bytes.length < skb.cb + 20) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    mark: view.getUint32(skb.mark, little),
    priority: view.getUint32(skb.priority, little),
    cb: Array.from({ length: 5 }, (_, index) => view.getUint32(skb.cb + index * 4, little)),
  };
}

function put(bytes: Uint8Array, offset: number, value: number | undefined, what: string): void {
  if (value === undefined) return;
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw new RangeError(`${what} must be an integer of 32 bits, not ${value}`);
  new DataView(bytes.buffer).setUint32(offset, value, little);
}

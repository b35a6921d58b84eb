/** A filter of pcap-filter(7), compiled: what `tcpdump -ddd` prints. */
export interface ClassicFilter {
  readonly instructions: readonly Instruction[];
}

interface Instruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly k: number;
}

/** Reads what `tcpdump -ddd` prints: how many instructions, then four numbers for each. */
export function readClassicFilter(text: string): ClassicFilter {
  const [head = '', ...lines] = text.trim().split('\n');
  const instructions = lines.map((line): Instruction => {
    const [code = NaN, jumpTrue = NaN, jumpFalse = NaN, k = NaN] = line.split(' ').map(Number);
    return { code, jumpTrue, jumpFalse, k };
  });
  const isWhole = instructions.every((one) => Object.values(one).every(Number.isInteger));
  if (!isWhole || instructions.length === 0 || Number(head) !== instructions.length)
    throw new TypeError('tcpdump -ddd printed no filter');
  return { instructions };
}

/**
 * Whether a frame passes: the machine of McCanne and Jacobson, "The BSD Packet Filter" (USENIX 1993), as libpcap runs it
 * on packets of a file. `length` is that of the whole frame, of which `bytes` are there; a read behind them refuses it.
 */
export function passes(
  { instructions }: ClassicFilter,
  bytes: Uint8Array,
  length = bytes.length,
): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const memory = new Uint32Array(16);
  let [a, x] = [0, 0];
  for (let at = 0; at < instructions.length; at += 1) {
    const one = instructions[at];
    if (one === undefined) break;
    const { code, k } = one;
    const operand = (code & 0x08) === 0 ? k : x;
    switch (code & 0x07) {
      case kinds.load:
      case kinds.loadX: {
        const value = loaded(code, { k, x, length, view, memory });
        if (value === undefined) return false;
        if ((code & 0x07) === kinds.load) a = value;
        else x = value;
        break;
      }
      case kinds.store:
        memory[k] = a;
        break;
      case kinds.storeX:
        memory[k] = x;
        break;
      case kinds.arithmetic: {
        const value = computed(code & 0xf0, a, operand);
        if (value === undefined) return false;
        a = value;
        break;
      }
      case kinds.jump:
        if ((code & 0xf0) === 0) at += k;
        else at += holds(code & 0xf0, a, operand) ? one.jumpTrue : one.jumpFalse;
        break;
      case kinds.answer:
        return ((code & 0x18) === 0x10 ? a : k) !== 0;
      default:
        if ((code & 0xf8) === 0) x = a;
        else a = x;
    }
  }
  return false;
}

/** The lower three bits of a code. */
const kinds = {
  load: 0,
  loadX: 1,
  store: 2,
  storeX: 3,
  arithmetic: 4,
  jump: 5,
  answer: 6,
} as const;

interface Machine {
  readonly k: number;
  readonly x: number;
  readonly length: number;
  readonly view: DataView;
  readonly memory: Uint32Array;
}

/** undefined: behind the bytes that are there. */
function loaded(code: number, { k, x, length, view, memory }: Machine): number | undefined {
  switch (code & 0xe0) {
    case 0x00:
      return k;
    case 0x20:
      return read(view, k, code & 0x18);
    case 0x40:
      return read(view, x + k, code & 0x18);
    case 0x60:
      return memory[k];
    case 0x80:
      return length;
    default: {
      const byte = read(view, k, 0x10); // the length of an IPv4 header
      return byte === undefined ? undefined : (byte & 15) * 4;
    }
  }
}

function read(view: DataView, offset: number, size: number): number | undefined {
  const bytes = size === 0x10 ? 1 : size === 0x08 ? 2 : 4;
  if (offset + bytes > view.byteLength) return undefined;
  if (bytes === 1) return view.getUint8(offset);
  return bytes === 2 ? view.getUint16(offset) : view.getUint32(offset);
}

/** 32 bits, without signs; undefined: a division by zero, which refuses the packet. */
function computed(operation: number, a: number, b: number): number | undefined {
  switch (operation) {
    case 0x00:
      return (a + b) >>> 0;
    case 0x10:
      return (a - b) >>> 0;
    case 0x20:
      return Math.imul(a, b) >>> 0;
    case 0x30:
      return b === 0 ? undefined : Math.floor(a / b);
    case 0x40:
      return (a | b) >>> 0;
    case 0x50:
      return (a & b) >>> 0;
    case 0x60:
      return b > 31 ? 0 : (a << b) >>> 0;
    case 0x70:
      return b > 31 ? 0 : a >>> b;
    case 0x80:
      return -a >>> 0;
    case 0x90:
      return b === 0 ? undefined : a % b;
    default:
      return (a ^ b) >>> 0;
  }
}

function holds(comparison: number, a: number, b: number): boolean {
  switch (comparison) {
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    default:
      return (a & b) !== 0;
  }
}

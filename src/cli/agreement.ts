import type { Explanation } from '../decide/explain.js';
import { encapNames, type EncapName } from '../encap/index.js';
import { familyOf, type Address } from '../net/address.js';
import { macFromBytes, type Mac } from '../net/mac.js';
import { tuplesOf, type Tuple } from './tuple.js';

/** What becomes of a packet that leaves. */
export type Fate = EncapName | 'direct' | 'too-big' | 'cut' | 'drop' | 'pass';

/** What a program did with a packet. */
export interface Done {
  /** Name in enum verdict. */
  readonly verdict: string;
  /** The frame that it met, and what it left. */
  readonly met: Uint8Array;
  readonly left: Uint8Array;
  /** Underlay address of the peer that it found. */
  readonly via: Address | undefined;
  /** Largest packets of the uplink and of the path to the peer, bytes, as far as the program knows them. */
  readonly uplinkMtu: number;
  readonly pathMtu: number | undefined;
  /** Where VXLAN goes, as the program was told. */
  readonly vxlanPort: number;
}

/** Outer headers as they were pushed. */
export interface Pushed {
  readonly source: Address;
  readonly destination: Address;
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
  readonly vni: number | null;
  /** MACs of the inner Ethernet header; null: there is none. */
  readonly sourceMac: Mac | null;
  readonly destinationMac: Mac | null;
}

/** One thing that is otherwise than it was explained. */
export interface Difference {
  readonly what: string;
  readonly explained: string;
  readonly kernel: string;
}

/** What a program did, in the words of an explanation, and where the two differ. */
export interface Compared {
  readonly fate: Fate;
  readonly pushed: Pushed | undefined;
  readonly differences: readonly Difference[];
}

/** Pure: holds what a program did against what was said of the packet. */
export function compare(explanation: Explanation, done: Done): Compared {
  const pushed = done.verdict === 'ENCAPSULATED' ? pushedOnto(done) : undefined;
  const fate = fateOf(done.verdict, pushed);
  const expected = fatesOf(explanation, done);
  const differences = expected.includes(fate)
    ? [...differencesOf(explanation, done, pushed)]
    : [difference('what becomes of it', expected.join(' or '), fateText(fate, done.verdict))];
  return { fate, pushed: pushed?.headers, differences };
}

interface Found {
  readonly encap: EncapName;
  readonly headers: Pushed;
}

function fateOf(verdict: string, pushed: Found | undefined): Fate {
  switch (verdict) {
    case 'ENCAPSULATED':
      return pushed?.encap ?? 'pass';
    case 'DIRECT':
    case 'DIRECT_AGAIN':
      return 'direct';
    case 'ANSWERED_TOO_BIG':
    case 'DROP_TOO_BIG':
      return 'too-big';
    case 'CUT':
      return 'cut';
    default:
      return verdict.startsWith('PASS_') ? 'pass' : 'drop';
  }
}

/** What may become of such a packet, if the explanation is right. */
function fatesOf(explanation: Explanation, done: Done): readonly Fate[] {
  const { action, reason, sender, outer } = explanation;
  // The host's own routes have these: the program leaves them alone, or holds what strays to it.
  if (action === 'local' || action === 'none')
    return reason === 'host-ip' ? ['pass', 'drop', 'direct'] : ['pass', 'drop'];
  if (sender === 'spoofed') return ['drop'];
  if (action === 'direct') return ['direct'];
  if (outer?.source === undefined) return ['drop']; // nothing to send from yet
  return [isTooBig(explanation, outer.bytes, done) ? 'too-big' : action];
}

/** As bpf/path.h, path_check, has it for a packet that must not be fragmented. */
function isTooBig({ destination }: Explanation, overhead: number, done: Done): boolean {
  const { met, uplinkMtu, pathMtu = uplinkMtu } = done;
  const size = met.length - ethernetBytes;
  const path = Math.min(pathMtu, uplinkMtu);
  if (size + overhead <= path) return false;
  const room = path - overhead;
  const least = familyOf(destination) === 'ipv6' ? ipv6MinimumMtu : 0;
  return size > Math.max(room, least) || size + overhead > uplinkMtu;
}

function* differencesOf(
  { action, via, sender, outer }: Explanation,
  done: Done,
  pushed: Found | undefined,
): Generator<Difference, void, void> {
  const isSent = action !== 'local' && action !== 'none';
  if (isSent && sender === 'spoofed' && done.verdict !== 'DROP_SRC_SPOOF')
    yield difference('verdict', 'DROP_SRC_SPOOF', done.verdict);
  if (action === 'direct' && done.via !== undefined && done.via !== via)
    yield difference('next hop', via, done.via);
  if (pushed === undefined || outer === undefined) return;
  const { headers } = pushed;
  const { vxlan } = outer;
  const pairs: readonly (readonly [what: string, explained: Value, kernel: Value])[] = [
    ['outer source', outer.source, headers.source],
    ['outer destination', outer.destination, headers.destination],
    ['VNI', vxlan?.vni ?? null, headers.vni],
    ['UDP port', vxlan?.port ?? null, headers.destinationPort],
    ['inner source MAC', vxlan?.sourceMac ?? null, headers.sourceMac],
    ['inner destination MAC', vxlan?.destinationMac ?? null, headers.destinationMac],
    ['bytes of outer headers', outer.bytes, done.left.length - done.met.length],
  ];
  for (const [what, explained, kernel] of pairs)
    if (explained !== kernel) yield difference(what, explained, kernel);
  const packet = done.met.subarray(ethernetBytes);
  if (Buffer.compare(packet, done.left.subarray(-packet.length)) !== 0)
    yield difference('the packet inside', 'as it was', 'changed');
}

const ethernetBytes = 14;

/** RFC 8200 section 5. */
const ipv6MinimumMtu = 1280;

function pushedOnto({ left, met, vxlanPort }: Done): Found | undefined {
  const [outer] = tuplesOf(left, vxlanPort);
  const encap = outer === undefined ? undefined : encapOf(outer);
  if (outer === undefined || encap === undefined) return undefined;
  const inner = left.length - met.length; // where the inner Ethernet header begins
  const macs = encap === 'vxlan' ? left.subarray(inner, inner + 12) : undefined;
  return {
    encap,
    headers: {
      source: outer.source,
      destination: outer.destination,
      sourcePort: outer.sourcePort,
      destinationPort: outer.destinationPort,
      vni: outer.vni,
      destinationMac: macs === undefined ? null : macFromBytes(macs.subarray(0, 6)),
      sourceMac: macs === undefined ? null : macFromBytes(macs.subarray(6, 12)),
    },
  };
}

function encapOf({ protocol }: Tuple): EncapName | undefined {
  const name = protocol === 'udp' ? 'vxlan' : protocol === 'ipv6' ? 'ip6ip' : protocol;
  return encapNames.find((one) => one === name);
}

function fateText(fate: Fate, verdict: string): string {
  return fate === 'drop' || fate === 'pass' ? `${fate} (${verdict})` : fate;
}

type Value = string | number | null | undefined;

function difference(what: string, explained: Value, kernel: Value): Difference {
  return { what, explained: String(explained ?? 'none'), kernel: String(kernel ?? 'none') };
}

import type { Decision } from '../decide/decide.js';
import type { Explanation } from '../decide/explain.js';
import { PinnedCopy } from '../datapath/pinned-copy.js';
import type { Folders } from '../datapath/folders.js';
import { nobodyMac } from '../datapath/nexthop.js';
import { wordOf } from '../datapath/traffic.js';
import { familyOf, type Address } from '../net/address.js';
import { macToBytes, type Mac } from '../net/mac.js';
import { leastBytes, packetOf, type Flow } from '../net/packet.js';
import { PrefixTable } from '../net/prefix-table.js';
import { compare, type Difference, type Fate, type Pushed } from './agreement.js';
import { routedPools } from './map-dump.js';

/** What the kernel says of a packet, beside what was explained. */
export type KernelAnswer =
  | { readonly asked: false; readonly why: string }
  | {
      readonly asked: true;
      readonly agrees: boolean;
      /** The packet that the program was run on. */
      readonly packet: Flow;
      /** As counters have it. */
      readonly verdict: string;
      readonly fate: Fate;
      /** Underlay address of the peer that the program found. */
      readonly via?: Address;
      readonly pushed?: Pushed;
      /** Bytes of the IP packet as it leaves, where it does. */
      readonly sentBytes?: number;
      readonly differences: readonly Difference[];
      /** What could not be asked. */
      readonly remark?: string;
    };

/** The packet, as far as the user described it. */
export interface Sketch {
  readonly protocol: Flow['protocol'];
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sizeBytes: number | undefined;
}

export interface AskOptions {
  readonly folders: Folders;
  readonly decision: Decision;
  readonly sketch: Sketch;
}

/** Answers for packets of one node. */
export interface Kernel extends Disposable {
  readonly answer: (explanation: Explanation, source: Address | undefined) => KernelAnswer;
}

/** The loaded program of this node; an EncapError where it can't be asked. */
export function kernelOf({ folders, decision, sketch }: AskOptions): Kernel {
  const { desired } = decision;
  const copy = new PinnedCopy(folders, desired.node);
  const ours = [...desired.routes.keys(), ...routedPools(copy.generation)];
  const routes = new PrefixTable(new Map(ours.map((pool) => [pool, pool])));
  return {
    answer: (explanation, from) => {
      const { destination, sender = 'node' } = explanation;
      const source = from ?? ownAddress(decision, destination);
      if (source === undefined || familyOf(source) !== familyOf(destination))
        return { asked: false, why: `${source ?? 'this node'} sends nothing of that family` };
      const packet = flowOf(source, destination, sketch);
      const frame = frameOf(packet, routes.match(destination) !== undefined);
      const asked = copy.run({ frame, forwarded: sender !== 'node' });
      if (asked.kind === 'refused') return { asked: false, why: asked.why };
      const isUnasked = asked.asOwn && sender !== 'node';
      if (isUnasked && sender === 'spoofed') return { asked: false, why: noForwarded };
      const via = asked.peer?.underlay;
      const { fate, pushed, differences } = compare(explanation, {
        verdict: asked.verdict,
        met: frame,
        left: asked.frame,
        via,
        uplinkMtu: copy.config.checkMtu === 0 ? 0xffff : copy.uplinkMtu,
        pathMtu: asked.pathMtu,
        vxlanPort: copy.config.vxlanPort,
      });
      const isSent = pushed !== undefined || fate === 'direct';
      return {
        asked: true,
        agrees: differences.length === 0,
        packet,
        verdict: wordOf(asked.verdict),
        fate,
        ...(via === undefined ? {} : { via }),
        ...(pushed === undefined ? {} : { pushed }),
        ...(isSent ? { sentBytes: asked.frame.length - ethernetBytes } : {}),
        differences,
        ...(isUnasked
          ? { remark: `${noForwarded}: asked as if this node itself had sent the packet` }
          : {}),
      };
    },
    [Symbol.dispose]: () => copy[Symbol.dispose](),
  };
}

const ethernetBytes = 14;

const noForwarded =
  "this kernel's test run takes no packets that came in elsewhere (5.10 refuses them), so its check of sources can't be asked for";

/** What the node's own processes send from: the pool routes say so. */
function ownAddress({ desired }: Decision, destination: Address): Address | undefined {
  const family = familyOf(destination);
  const { ipv4, ipv6 } = desired.self;
  const tunnels = [ipv4, ipv6].flatMap((self) => self?.tunnelAddresses ?? []);
  return tunnels.find((address) => familyOf(address) === family) ?? desired.self[family]?.address;
}

function flowOf(source: Address, destination: Address, sketch: Sketch): Flow {
  const least = leastBytes(familyOf(source), sketch.protocol);
  return { source, destination, ...sketch, sizeBytes: sketch.sizeBytes ?? least + usualBytes };
}

/** What ping sends. */
const usualBytes = 56;

/** As it comes to the uplink: pool routes lead to nobody, others to some machine. */
function frameOf(packet: Flow, isPools: boolean): Uint8Array {
  const ip = packetOf(packet);
  const frame = new Uint8Array(ethernetBytes + ip.length);
  frame.set(macToBytes(isPools ? nobodyMac : someMac));
  frame.set(macToBytes(someMac), 6);
  frame.set(familyOf(packet.source) === 'ipv4' ? [0x08, 0x00] : [0x86, 0xdd], 12);
  frame.set(ip, ethernetBytes);
  return frame;
}

const someMac = '02:00:00:00:00:01' as Mac;

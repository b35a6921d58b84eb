import { BpfError, inNamespace, Namespace, Netlink } from 'libbpf-ts';
import type { Desired } from '../model/desired.js';
import type { NodeName } from '../model/node.js';
import type { Mac } from '../net/mac.js';
import { needsOf } from './capacity.js';
import type { ObjectFile } from './compile.js';
import type { Config } from './config.js';
import type { PeerIndex } from './entry.js';
import { firstImage, write } from './first-image.js';
import type { Folders } from './folders.js';
import type { Image } from './image.js';
import { loadPrivately, type Direction } from './load.js';
import type { Maps } from './maps.js';
import { mapTables } from './tables/index.js';
import type { VerdictNames } from './traffic.js';

export interface TestNodeOptions {
  readonly object: ObjectFile;
  readonly config: Config;
  /** What `decide` says of this node: all that the programs know. */
  readonly desired: Desired;
  readonly uplink: { readonly mac: Mac; readonly mtu: number };
  readonly folders: Folders;
}

/** A frame, and how it comes to a program. */
export interface TestPacket {
  readonly direction: Direction;
  readonly frame: Uint8Array;
  /** Egress: it came in at another interface. */
  readonly forwarded?: boolean;
  readonly mark?: number;
}

/** What became of a frame, or why the kernel would not run a program on it. */
export type Tested =
  | {
      readonly kind: 'ran';
      /** Name in enum verdict. */
      readonly verdict: string;
      /** Whose packet it is, where a peer was found. */
      readonly peer: NodeName | undefined;
      readonly frame: Uint8Array;
      readonly mark: number;
      /** What tc was told: TC_ACT_UNSPEC is -1, TC_ACT_SHOT 2, TC_ACT_REDIRECT 7. */
      readonly action: number;
    }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * A node's programs with the node's tables, for BPF_PROG_TEST_RUN: in a network namespace of their own, attached to
 * nothing and pinned nowhere. All of it goes with the handle, or with the process.
 */
export class TestNode implements Disposable {
  readonly config: Config;
  readonly maps: Maps;
  readonly verdicts: VerdictNames;
  readonly #loaded: ReturnType<typeof loadPrivately>;
  readonly #namespace = Namespace.create();
  /** Whose each place in the peers array is. */
  readonly nodes: ReadonlyMap<PeerIndex, NodeName>;

  constructor({ object, config, desired, uplink, folders }: TestNodeOptions) {
    // A new namespace has one interface; it is Ethernet enough to be an uplink.
    using netlink = Netlink.open({ namespace: this.#namespace.path });
    netlink.changeLink({ index: uplinkIndex, ...uplink });
    this.config = config;
    this.#loaded = loadPrivately({ object, config, needs: needsOf(desired), folders });
    this.maps = this.#loaded.maps;
    this.verdicts = this.#loaded.verdicts;
    const image = firstImage(desired, this.maps);
    write(image, mapTables(this.maps));
    this.nodes = nodesOf(desired, image);
  }

  /** Runs the program of that direction on a frame. */
  run({ direction, frame, forwarded = false, mark = 0 }: TestPacket): Tested {
    try {
      const { returnValue, packet, context } = inNamespace(this.#namespace.path, () =>
        this.#loaded.programs[direction].run(frame, {
          context: {
            ifindex: uplinkIndex,
            ...(mark === 0 ? {} : { mark }),
            ...(forwarded ? { ingressIfindex: anotherIndex } : {}),
          },
        }),
      );
      const [verdict = 0, peer = 0] = context?.cb ?? [];
      return {
        kind: 'ran',
        verdict: this.verdicts[verdict] ?? `VERDICT_${verdict}`,
        peer: this.nodes.get(peer - 1),
        frame: packet,
        mark: context?.mark ?? 0,
        action: returnValue | 0, // tc's actions are signed
      };
    } catch (error) {
      if (error instanceof BpfError && error.code === 'EINVAL')
        return { kind: 'refused', why: whyRefused(frame, forwarded) ?? error.message };
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#loaded[Symbol.dispose]();
    this.#namespace[Symbol.dispose]();
  }
}

/** The kernel gives the loopback interface this index in every network namespace. */
const uplinkIndex = 1;

/** A workload's interface: any other index. */
const anotherIndex = 2;

function nodesOf({ peers }: Desired, { names }: Image): ReadonlyMap<PeerIndex, NodeName> {
  return new Map(
    [...names.peers].flatMap(([name, index]) => {
      const peer = peers.get(name);
      return peer === undefined ? [] : [[index, peer.node] as const];
    }),
  );
}

/** What the kernel's test run asks of a packet; undefined: none of these. */
export function whyRefused(frame: Uint8Array, forwarded: boolean): string | undefined {
  const least = leastBytes(frame);
  if (frame.length < least)
    return `the kernel's test run takes such frames from ${least} bytes on, this has ${frame.length}`;
  if (frame.length > mostBytes)
    return `the kernel's test run takes frames of about a memory page, this has ${frame.length} bytes`;
  if (forwarded)
    return "this kernel's test run takes no packets that came in elsewhere (5.10 refuses them, 6.1 takes them)";
  return undefined;
}

const mostBytes = 3000; // a page, less what the kernel puts around a frame

function leastBytes(frame: Uint8Array): number {
  const etherType = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  if (frame.length < 14) return 14;
  return etherType === 0x0800 ? 34 : etherType === 0x86dd ? 54 : 14;
}

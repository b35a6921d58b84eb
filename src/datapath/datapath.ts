import { rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Netlink } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import type { Desired, Owner } from '../model/desired.js';
import type { Settings } from '../model/settings.js';
import { isHost, type Cidr } from '../net/cidr.js';
import {
  Attachment,
  attachKind,
  hooksOf,
  type Attached,
  type AttachKind,
  type Hook,
} from './attach.js';
import { prepareBpffs } from './bpffs.js';
import { needsOf, type Needs } from './capacity.js';
import { hasClsact } from './clsact.js';
import { programFileFor, type ObjectFile, type ProgramFile } from './compile.js';
import { configOf, crossingOf, probe, type Config, type Probes } from './config.js';
import { readKernelTunnels, type KernelTunnel } from './kernel-tunnel.js';
import { Merging, type Merged } from './merging.js';
import { bringCutter, cuttingStep, type Cutter } from './cutting.js';
import { FastPaths, type FastPath } from './fast-path.js';
import { firstPeer, slotsOfALine } from './entry.js';
import type { Fault } from '../model/fault.js';
import type { Folders } from './folders.js';
import { generations } from './generation.js';
import { Switching, type SwitchTiming } from './switching.js';
import { Places, type Remembered } from './indices.js';
import { arePinned, load, pinAgain, type Loaded } from './load.js';
import { mapNames } from './maps.js';
import { countPathChanges, narrowed, readPathMtus, type PathMtu } from './path-mtu.js';
import { Placement, type Touched } from './placement.js';
import {
  notLarger,
  planMaps,
  planNetwork,
  planRest,
  remember,
  type MapTables,
  type Rest,
} from './plan.js';
import { reconcile, type Change, type Step } from './reconcile.js';
import type { SlotPlan } from './slots.js';
import { readState } from './state.js';
import { lookAround } from './surroundings.js';
import { readSysctls } from './sysctl.js';
import { reversePathStep } from './reverse-path.js';
import { reportOf, takeoverFaults, takeoverSteps, type TunnelReport } from './takeover.js';
import { mapTables, networkTables, shortcutTables } from './tables/index.js';
import { underlayOf, type Underlay } from './underlay.js';
import { uplinkOf, type Uplink } from './uplink.js';

export interface DatapathOptions {
  readonly folders: Folders;
  /** Makes or finds an object, the same each time. */
  readonly object: (program: ProgramFile) => ObjectFile;
  readonly attach: AttachKind | 'auto';
  /** Interface that the user names; undefined: what the settings say. */
  readonly interface: string | undefined;
  readonly switching: SwitchTiming;
  /** A command that was run on the machine, for the log. */
  readonly said: (command: string) => void;
}

/** What one round found and did. */
export interface Round {
  readonly changes: readonly Change[];
  readonly attached: readonly Attached[];
  readonly loaded: Loaded;
  readonly object: ObjectFile;
  /** What the loaded programs take as constants. */
  readonly config: Config;
  readonly uplink: Uplink;
  readonly cutter: Cutter;
  readonly merging: Merged;
  readonly fastPath: FastPath;
  /** Calico's own tunnel devices, where there are some. */
  readonly kernelTunnels: readonly TunnelReport[];
  readonly image: Rest;
  /** By pool, the MTU of its route, bytes; a pool that is not carried has none. */
  readonly overlayMtus: ReadonlyMap<Cidr, number>;
  /** How many blocks the tables hold, wherever they stand. */
  readonly blocks: number;
  readonly notCarried: ReadonlyMap<Cidr, Fault>;
  readonly faults: readonly Fault[];
}

/** What became of single blocks. */
export interface TouchedBlocks {
  readonly changes: readonly Change[];
  /** Routes depend on them: a whole round is to follow, without news. */
  readonly isRouted: boolean;
}

/** Everything of ours in the kernel: brings it to what is desired, again and again, and leaves it there. */
export class Datapath implements Disposable {
  readonly kind: AttachKind;
  #madeClsact: boolean;
  readonly #options: DatapathOptions;
  readonly #netlink: Netlink;
  readonly #probes: Probes;
  readonly #attachment: Attachment;
  readonly #switching: Switching;
  readonly #merging = new Merging();
  readonly #fastPaths = new FastPaths();
  #loaded: InForce | undefined;
  #room = 1;
  #remembered: Remembered = new Map();
  #uplink: Uplink | undefined;
  #pathChanges = 0n;
  #paths: readonly PathMtu[] = [];
  #hooks: readonly Hook[] = [];
  #tunnels: readonly KernelTunnel[] = [];
  /** Where the last round put the blocks; undefined where only a whole round can go on. */
  #placement: Placement | undefined;

  constructor(options: DatapathOptions, netlink: Netlink) {
    this.#options = options;
    this.#netlink = netlink;
    this.kind = attachKind(options.attach);
    this.#attachment = new Attachment(this.kind);
    this.#switching = new Switching(options.switching);
    this.#probes = probe();
    this.#madeClsact = readState(options.folders.run)?.madeClsact === true;
  }

  /** When the accepted modes change by time alone; undefined: not at all. */
  get nextEndMs(): number | undefined {
    return this.#switching.nextEndMs();
  }

  /** The clsact qdisc of the uplink was not there before us. */
  get madeClsact(): boolean {
    return this.#madeClsact;
  }

  /** The uplink of the last round. */
  get uplink(): Uplink | undefined {
    return this.#uplink;
  }

  /**
   * Reads back, compares, writes what differs, in safe order. `nowMs` is a monotonic clock; `hasNews`: `desired` may be
   * another one than the last time, though it is the same object.
   */
  reconcile(
    { desired, settings, hasNews }: { desired: Desired; settings: Settings; hasNews: boolean },
    nowMs: number,
  ): Round {
    const { folders, said } = this.#options;
    prepareBpffs(folders.pins, said);
    const before = this.#loaded;
    const placement = hasNews ? undefined : this.#placement;
    this.#placement = undefined;
    const uplink = this.#findUplink(desired, settings);
    this.#uplink = uplink.found;
    const cutter = bringCutter(this.#netlink);
    const fastPath = this.#fastPaths.look(this.#netlink, desired, settings.fastPath);
    const wanted = { ...settings, fastPath: fastPath.mode };
    const current = this.#current(desired, wanted, fastPath, placement?.slotPlan);
    const tables = mapTables(current.parts.maps);
    const plan = this.#fitting(() =>
      placement !== undefined && before?.parts === current.parts && placement.isIn(tables)
        ? {
            placement,
            image: placement.rest,
            steps: planRest(placement.rest, tables, this.#switching, nowMs),
          }
        : this.#plan(desired, current, tables, nowMs),
    );
    const { image, steps } = plan;

    const attached: Attached[] = [];
    const attach: Step = {
      name: 'links',
      changes: [],
      put: () => attached.push(...this.#attach(current.parts, uplink.get(), cutter, fastPath)),
      remove: () => undefined,
    };
    const underlay =
      uplink.found === undefined
        ? undefined
        : this.#underlay(desired, uplink.found, current.parts, image);
    const network =
      underlay === undefined
        ? []
        : planNetwork(
            underlay,
            networkTables(this.#netlink, underlay.addresses),
            this.#switching.isDelaying,
          );

    const carried =
      underlay === undefined
        ? []
        : [...desired.routes.keys()].filter((pool) => !underlay.notCarried.has(pool));
    const way = settings.kernelTunnels;
    const tunnels = readKernelTunnels(this.#netlink, carried);
    const takeover =
      underlay === undefined
        ? []
        : takeoverSteps(this.#netlink, tunnels, way, this.#steady(underlay));
    const reversePath =
      uplink.found === undefined
        ? []
        : [reversePathStep(this.#netlink, folders, way, uplink.found)];

    // Known to the programs when its own is in place: pieces must come back before anything is cut.
    const cutting =
      uplink.found === undefined
        ? []
        : [cuttingStep(current.parts.maps.cutters, cutter, uplink.found)];
    const shortcuts = this.#fastPaths.steps(
      shortcutTables(current.parts.maps),
      fastPath,
      uplink.found,
      underlay,
    );
    const all = [
      ...reversePath,
      ...steps,
      attach,
      ...cutting,
      ...network,
      ...takeover,
      ...shortcuts,
    ];
    const changes = this.#fitting(() => reconcile(all));
    const merging = this.#merging.bring(this.#netlink, desired, settings, nowMs);
    this.#tunnels = tunnels;
    const kernelTunnels = reportOf(tunnels, way);
    this.#remembered = remember(image);
    this.#removeOthers(current.parts);
    this.#placement = plan.placement;
    if (before !== undefined && before.parts !== current.parts) before.parts[Symbol.dispose]();
    return {
      changes: [...cutter.changes, ...changes, ...merging.changes],
      attached,
      loaded: current.parts,
      object: current.object,
      config: current.config,
      uplink: uplink.get(),
      cutter,
      merging,
      fastPath,
      kernelTunnels,
      image,
      overlayMtus: underlay === undefined ? new Map() : mtusOf(desired, underlay),
      blocks: desired.blocks.size,
      notCarried: underlay?.notCarried ?? new Map(),
      faults: [...(underlay?.faults ?? []), ...takeoverFaults(kernelTunnels, uplink.get())],
    };
  }

  /** The way of all tables of the programs to what is desired, and where it puts the blocks. */
  #plan(
    desired: Desired,
    { parts: { maps }, places }: InForce,
    tables: MapTables,
    nowMs: number,
  ): { placement: Placement; image: Rest; steps: readonly Step[] } {
    const slots = maps.slots.info.maxEntries * slotsOfALine;
    const allocation = { ...places, slots, remembered: this.#remembered };
    const { image, steps } = planMaps(desired, tables, allocation, this.#switching, nowMs);
    return { placement: new Placement(desired, image, tables), image, steps };
  }

  /**
   * Writes these blocks alone, into tables that are as the last round left them; what else drifted, the next one
   * repairs. undefined: only a whole round with news can bring the kernel to what is desired.
   */
  touch(desired: Desired, touched: Touched): TouchedBlocks | undefined {
    const [placement, current] = [this.#placement, this.#loaded];
    this.#placement = undefined;
    if (placement === undefined || current === undefined || this.#uplink === undefined)
      return undefined;
    const { maps } = current.parts;
    // each block behind a narrow path has a route of its own
    if (this.#paths.length > 0 || countPathChanges(maps.path_mtus) !== this.#pathChanges)
      return undefined;
    const steps = placement.plan(desired, touched, mapTables(maps));
    const needed = (desired.blocks.size - placement.slotPlan.blocks) * this.#room;
    if (steps === undefined || needed > maps.blocks.info.maxEntries) return undefined;
    const changes = this.#fitting(() => reconcile(steps));
    this.#placement = placement;
    const isRouted = [...touched].some(([cidr, before]) => isLocal(cidr, before, desired));
    return { changes, isRouted };
  }

  /** Whether a path MTU was learned or a switch of the uplink turned since the last round: rtnetlink does not tell. */
  hasNews(): boolean {
    const maps = this.#loaded?.parts.maps;
    const uplink = this.#uplink;
    return (
      this.#fastPaths.hasNews() ||
      (maps !== undefined && countPathChanges(maps.path_mtus) !== this.#pathChanges) ||
      (uplink !== undefined && !isDeepStrictEqual(readSysctls(uplink.name), uplink.sysctls))
    );
  }

  /** How many blocks the hash holds, which may fill up, as slots can't; undefined where only a whole round will tell. */
  get hashedBlocks(): number | undefined {
    return this.#placement?.unplaced;
  }

  /** What an event must be about to matter, beside what always does. */
  get fastPaths(): Pick<FastPaths, 'isOn' | 'awaits' | 'beginsAt'> {
    return this.#fastPaths;
  }

  /** Calico's own tunnel devices that the last round found. */
  get kernelTunnels(): readonly KernelTunnel[] {
    return this.#tunnels;
  }

  /** Whether programs and pins are where the last round left them; rtnetlink does not tell of these. */
  isIntact(): boolean {
    if (this.#loaded === undefined || this.#uplink === undefined) return false;
    const { parts } = this.#loaded;
    return this.#attachment.isIntact(parts, this.#standingHooks()) && arePinned(parts);
  }

  [Symbol.dispose](): void {
    this.#attachment[Symbol.dispose]();
    this.#loaded?.parts[Symbol.dispose]();
    this.#loaded = undefined;
  }

  /** A workload that went took its interface with it: the event brings a round. */
  #standingHooks(): readonly Hook[] {
    if (!this.#fastPaths.isOn) return this.#hooks;
    const there = new Set(this.#netlink.links().map(({ index }) => index));
    return this.#hooks.filter(({ program, index }) => program !== 'workload' || there.has(index));
  }

  #underlay(desired: Desired, uplink: Uplink, { maps }: Loaded, { names }: Rest): Underlay {
    this.#pathChanges = countPathChanges(maps.path_mtus);
    this.#paths = readPathMtus(maps.path_mtus);
    return narrowed(
      underlayOf(desired, uplink, () => crossingOf(this.#probes)),
      desired,
      { peers: names.peers, paths: this.#paths },
      uplink,
    );
  }

  /** As the routes are while modes are switched. */
  #steady(underlay: Underlay): Pick<Underlay, 'routes'> {
    const { isDelaying } = this.#switching;
    return isDelaying
      ? { routes: notLarger(underlay.routes, networkTables(this.#netlink).routes.entries()) }
      : underlay;
  }

  /** A change that needs old and new entries side by side may not fit: the next round makes larger tables. */
  #fitting<Result>(attempt: () => Result): Result {
    try {
      return attempt();
    } catch (cause) {
      if (cause instanceof EncapError && cause.code === 'TABLE_FULL') this.#room *= 2;
      throw cause;
    }
  }

  /** Programs and maps for these settings and this many entries: those in force, where they do. */
  #current(
    desired: Desired,
    settings: Settings,
    { workloads }: FastPath,
    slotPlan: SlotPlan | undefined,
  ): InForce {
    const config = configOf(settings, this.#probes);
    const needs = {
      ...needsOf(desired, this.#room, slotPlan),
      workloads: workloads.entries.size * this.#room,
    };
    const now = this.#loaded;
    if (now !== undefined && isDeepStrictEqual(now.config, config) && fits(now.parts, needs)) {
      pinAgain(now.parts);
      return now;
    }
    const { folders } = this.#options;
    const object = this.#options.object(programFileFor(settings.fastPath));
    const parts = load({ object, config, needs, folders });
    const places =
      now?.parts.generation.name === parts.generation.name ? now.places : placesOf(parts);
    this.#loaded = { parts, object, config, places };
    return this.#loaded;
  }

  #attach(
    parts: Loaded,
    uplink: Uplink,
    cutter: Cutter,
    { workloads }: FastPath,
  ): readonly Attached[] {
    this.#hooks = hooksOf(uplink, cutter.ends, workloads.places);
    const missing = this.kind === 'clsact' && !this.#attachment.isIntact(parts, this.#hooks);
    if (missing && !hasClsact(uplink.name)) this.#madeClsact = true;
    return this.#attachment.attach(parts, this.#hooks, this.#netlink.links());
  }

  /** Looked for first, needed last: without one the tables are still brought up to date. */
  #findUplink(
    desired: Desired,
    settings: Settings,
  ): { found: Uplink | undefined; get: () => Uplink } {
    try {
      const found = uplinkOf(desired, lookAround(this.#netlink), {
        ...settings.underlay,
        interface: this.#options.interface ?? settings.underlay.interface,
      });
      return { found, get: () => found };
    } catch (cause) {
      return {
        found: undefined,
        get: () => {
          throw cause;
        },
      };
    }
  }

  /** Programs of other builds and maps of other layouts: nothing runs with them any more. */
  #removeOthers({ generation, build }: Loaded): void {
    for (const other of generation.builds())
      if (other !== build) rmSync(generation.build(other), { recursive: true, force: true });
    for (const other of generations(generation.pins))
      if (other.name !== generation.name) rmSync(other.folder, { recursive: true, force: true });
  }
}

/** Narrow paths have routes of their own within those of the pools: these are left out. */
function mtusOf({ routes }: Desired, underlay: Underlay): ReadonlyMap<Cidr, number> {
  return new Map(
    [...underlay.routes.values()].flatMap((route) =>
      route.type === 'unicast' && route.mtu !== undefined && routes.has(route.destination)
        ? [[route.destination, route.mtu] as const]
        : [],
    ),
  );
}

/** A block of this node, now or before, has a route of its own. */
function isLocal(cidr: Cidr, before: Owner | undefined, { blocks }: Desired): boolean {
  return !isHost(cidr) && [before?.peer, blocks.get(cidr)?.peer].includes('self');
}

interface InForce {
  readonly parts: Loaded;
  readonly object: ObjectFile;
  readonly config: Config;
  readonly places: { readonly peers: Places; readonly policies: Places };
}

function placesOf({ maps }: Loaded): InForce['places'] {
  return {
    peers: new Places('peers', firstPeer, maps.peers.info.maxEntries),
    policies: new Places('policies', 0, maps.policies.info.maxEntries),
  };
}

function fits({ maps }: Loaded, needs: Needs): boolean {
  return mapNames.every((name) => maps[name].info.maxEntries >= (needs[name] ?? 0));
}

import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Datapath, Round } from '../datapath/datapath.js';
import type { Fault } from '../model/fault.js';
import type { TunnelEnds } from '../model/tunnel-ends.js';
import type { Folders } from '../datapath/folders.js';
import { entriesOf } from '../datapath/load.js';
import { stateFile, writeState, type State } from '../datapath/state.js';
import type { TunnelReport } from '../datapath/takeover.js';
import { tunnelsFile, writeTunnelEnds } from '../datapath/tunnel-ends.js';
import { EncapError } from '../errors.js';

/** Writes down what happens: a line for each change of state, the state file for `encap status`. */
export class Notebook {
  readonly #log: Logger;
  readonly #folders: Folders;
  readonly #about: Pick<State, 'node' | 'source'>;
  readonly #startedAt = new Date().toISOString();
  readonly #beganMs = performance.now();
  #written = '';
  #build = '';
  #failure = '';
  /** By what they say, since when there are which faults (monotonic clock). */
  #faults: ReadonlyMap<string, number> = new Map();
  #network: readonly Fault[] = [];
  #source: readonly Fault[] = [];
  #state: State | undefined;
  #noCutter: string | undefined;
  #noMerger: string | undefined;
  #slow: string | undefined;
  #bypassed: string | undefined;
  #tunnels: ReadonlyMap<string, TunnelReport['how']> = new Map();
  #ends: TunnelEnds | undefined;
  #isKept = false;
  #rounds = 0;
  #unwritten: string | undefined;

  constructor(log: Logger, folders: Folders, about: Pick<State, 'node' | 'source'>) {
    this.#log = log;
    this.#folders = folders;
    this.#about = about;
  }

  /** The last round failed. */
  get isFailing(): boolean {
    return this.#failure !== '';
  }

  /** Why the state file is not as it should be; undefined: it is. */
  get unwritten(): string | undefined {
    return this.#unwritten;
  }

  /** A round that went through. */
  done(round: Round, datapath: Datapath): void {
    const { loaded, uplink, cutter, merging, fastPath, attached, changes, image } = round;
    if (loaded.build !== this.#build) {
      const { how, generation, build, programs } = loaded;
      const ids = Object.fromEntries(
        entriesOf(programs).map(([name, program]) => [name, program.info.id]),
      );
      this.#log.info({ generation: generation.name, build, programs: ids }, `programs ${how}`);
      this.#build = build;
    }
    this.#network = [...round.notCarried.values(), ...round.faults];
    this.#complain();
    for (const { program, interface: place, did } of attached)
      if (did !== 'nothing')
        this.#log.info({ interface: place, program, attach: datapath.kind }, `program ${did}`);
    if (cutter.missing !== this.#noCutter && cutter.missing !== undefined)
      this.#log.warn(
        { why: cutter.missing },
        'no cutter: what cannot be carried in one piece is dropped by name',
      );
    this.#noCutter = cutter.missing;
    if (merging.missing !== this.#noMerger && merging.missing !== undefined)
      this.#log.warn(
        { why: merging.missing },
        'received VXLAN packets are not merged: they cost more where the wire carries them one by one',
      );
    this.#noMerger = merging.missing;
    if (fastPath.missing !== this.#slow && fastPath.missing !== undefined)
      this.#log.warn({ why: fastPath.missing }, 'packets take the stack that should go past it');
    this.#slow = fastPath.missing;
    if (fastPath.bypassed !== this.#bypassed && fastPath.bypassed !== undefined)
      this.#log.warn(
        { rules: fastPath.bypassed },
        'fastPath: always bypasses rules of this host: policy and Services do not hold for workloads',
      );
    this.#bypassed = fastPath.bypassed;
    this.#tunnelled(round.kernelTunnels);
    this.changed(changes);
    this.#writeState(round, datapath);

    if (this.#failure !== '') this.#log.info('working again');
    this.#failure = '';
    if (this.#rounds === 0)
      this.#log.info(
        {
          uplink: uplink.name,
          mtu: uplink.mtu,
          attach: datapath.kind,
          pools: image.pools.size,
          blocks: round.blocks,
          peers: image.names.peers.size,
          written: changes.length,
          tookMs: Math.round(performance.now() - this.#beganMs),
        },
        'ready',
      );
    this.#rounds += 1;
  }

  /** What was written to the kernel. */
  changed(changes: Round['changes']): void {
    if (changes.length > 0)
      this.#log.info({ changes: counted(changes), written: changes.length }, 'tables changed');
    for (const change of changes) this.#log.debug(change, 'entry changed');
  }

  /** A round that did not: said once for each kind of failure. */
  failed(failure: unknown, nextMs: number): void {
    const text = textOf(failure);
    if (text === this.#failure) return;
    this.#failure = text;
    const more =
      failure instanceof EncapError
        ? { code: failure.code, why: failure.why, hint: failure.hint }
        : {};
    this.#log.warn(
      { failure: text, ...more, nextMs: Math.round(nextMs) },
      'round failed, trying again',
    );
  }

  /** Something was found out of its place. */
  missing(): void {
    this.#log.warn('programs or pins were taken away: putting them back');
  }

  /** The kernel would not say whether something is. */
  unseen(failure: unknown): void {
    this.#log.warn(
      { failure: textOf(failure) },
      'cannot look after programs and pins: reading all back',
    );
  }

  /** The kernel does not tell of changes for a while. */
  blind(failure: unknown, nextMs: number): void {
    this.#log.warn(
      { failure: textOf(failure), nextMs: Math.round(nextMs) },
      'the watch of the network broke, beginning anew',
    );
  }

  /** What keeps the source from following the world. */
  sourced(faults: readonly Fault[]): void {
    this.#source = faults;
    this.#complain();
    if (this.#state !== undefined) this.#write(this.#state);
  }

  /** Each fault once, and once that it is over and how long it was there. */
  #complain(): void {
    const before = this.#faults;
    const nowMs = performance.now();
    const faults = [...this.#network, ...this.#source];
    this.#faults = new Map(
      faults.map(({ message }) => [message, before.get(message) ?? nowMs] as const),
    );
    for (const { message: fault, hint } of faults)
      if (!before.has(fault)) this.#log.warn({ fault, hint }, 'degraded');
    for (const [fault, sinceMs] of before)
      if (!this.#faults.has(fault))
        this.#log.info({ fault, lastedMs: Math.round(nowMs - sinceMs) }, 'no longer degraded');
  }

  /** Who has the packets of Calico's own tunnel devices, each time that it is somebody else. */
  #tunnelled(tunnels: readonly TunnelReport[]): void {
    for (const { name, how, routes } of tunnels)
      if (this.#tunnels.get(name) !== how) {
        const level = how === 'carries' ? 'warn' : 'info';
        this.#log[level]({ device: name, routes }, tunnelWords[how]);
      }
    for (const device of this.#tunnels.keys())
      if (!tunnels.some(({ name }) => name === device))
        this.#log.info({ device }, 'kernel tunnel is gone');
    this.#tunnels = new Map(tunnels.map(({ name, how }) => [name, how]));
  }

  #writeState(
    { loaded, object, config, uplink, cutter, merging, fastPath, ...round }: Round,
    datapath: Datapath,
  ): void {
    const state: State = {
      apiVersion: 'encap/v1',
      kind: 'AgentState',
      ...this.#about,
      pid: process.pid,
      startedAt: this.#startedAt,
      uplink: { name: uplink.name, index: uplink.index, mtu: uplink.mtu },
      ...(cutter.missing === undefined ? {} : { noCutter: cutter.missing }),
      ...(merging.by === undefined ? {} : { merger: merging.by }),
      ...(merging.missing === undefined ? {} : { noMerger: merging.missing }),
      ...(round.kernelTunnels.length === 0 ? {} : { kernelTunnels: round.kernelTunnels }),
      ...(fastPath.mode === 'never' ? {} : { fastPath: fastPath.mode }),
      ...(fastPath.missing === undefined ? {} : { slow: fastPath.missing }),
      ...(fastPath.bypassed === undefined ? {} : { bypassed: fastPath.bypassed }),
      attach: datapath.kind,
      madeClsact: datapath.madeClsact,
      object: { ...object.origin, sha256: object.sha256 },
      vxlan: { vni: config.vni, port: config.vxlanPort },
      config,
      generation: loaded.generation.name,
      build: loaded.build,
      peers: byIndex(round.image.names.peers),
      policies: byIndex(round.image.names.policies),
      verdicts: loaded.verdicts,
      notCarried: Object.fromEntries(round.notCarried),
      faults: round.faults,
    };
    this.#state = state;
    this.#write(state);
  }

  /** Keeps what it takes to make Calico's own tunnel devices again. */
  tunnels(ends: TunnelEnds | undefined): void {
    if (this.#isKept && (ends === this.#ends || isDeepStrictEqual(ends, this.#ends))) return;
    this.#attempt(tunnelsFile(this.#folders.run), () => {
      writeTunnelEnds(this.#folders.run, ends);
      [this.#ends, this.#isKept] = [ends, true];
    });
  }

  #write(ofRound: State): void {
    const state = { ...ofRound, faults: [...ofRound.faults, ...this.#source] };
    const text = JSON.stringify(state);
    if (text === this.#written) return;
    this.#attempt(stateFile(this.#folders.run), () => {
      writeState(this.#folders.run, state);
      this.#written = text;
    });
  }

  #attempt(file: string, write: () => void): void {
    try {
      write();
      if (this.#unwritten !== undefined) this.#log.info('state file written again');
      this.#unwritten = undefined;
    } catch (cause) {
      // A full disk: the kernel has what it needs, names are missing from `encap status`. The next round tries again.
      const { message: failure } = cause as Error;
      if (failure !== this.#unwritten) this.#log.warn({ failure, file }, 'state file not written');
      this.#unwritten = failure;
    }
  }
}

function textOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}

const tunnelWords: Readonly<Record<TunnelReport['how'], string>> = {
  'taken over': 'took over from a kernel tunnel',
  carries: 'two encapsulators: a kernel tunnel carries what its routes lead to',
  coexists: 'a kernel tunnel carries what its routes lead to',
  idle: 'no route leads into a kernel tunnel',
};

function byIndex(indices: ReadonlyMap<string, number>): Record<string, string> {
  return Object.fromEntries([...indices].map(([name, index]) => [index, name]));
}

function counted(changes: Round['changes']): Record<string, { put: number; removed: number }> {
  const counts: Record<string, { put: number; removed: number }> = {};
  for (const { table, action } of changes) {
    const count = (counts[table] ??= { put: 0, removed: 0 });
    if (action === 'put') count.put += 1;
    else count.removed += 1;
  }
  return counts;
}

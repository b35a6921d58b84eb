import type { Logger } from 'pino';
import type { Datapath, Round } from '../datapath/datapath.js';
import type { Fault } from '../model/fault.js';
import type { Folders } from '../datapath/folders.js';
import { entriesOf } from '../datapath/load.js';
import { mergerName } from '../datapath/merger.js';
import { stateFile, writeState, type State } from '../datapath/state.js';
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
    const text = failure instanceof Error ? failure.message : String(failure);
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
      ...(merging.isOn ? { merger: mergerName } : {}),
      ...(merging.missing === undefined ? {} : { noMerger: merging.missing }),
      ...(fastPath.mode === 'never' ? {} : { fastPath: fastPath.mode }),
      ...(fastPath.missing === undefined ? {} : { slow: fastPath.missing }),
      ...(fastPath.bypassed === undefined ? {} : { bypassed: fastPath.bypassed }),
      attach: datapath.kind,
      madeClsact: datapath.madeClsact,
      object: { ...object.origin, sha256: object.sha256 },
      vxlan: { vni: config.vni, port: config.vxlanPort },
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

  #write(ofRound: State): void {
    const state = { ...ofRound, faults: [...ofRound.faults, ...this.#source] };
    const text = JSON.stringify(state);
    if (text === this.#written) return;
    try {
      writeState(this.#folders.run, state);
      this.#written = text;
      if (this.#unwritten !== undefined) this.#log.info('state file written again');
      this.#unwritten = undefined;
    } catch (cause) {
      // A full disk: the kernel has what it needs, names are missing from `encap status`. The next round tries again.
      const { message: failure } = cause as Error;
      if (failure !== this.#unwritten)
        this.#log.warn({ failure, file: stateFile(this.#folders.run) }, 'state file not written');
      this.#unwritten = failure;
    }
  }
}

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

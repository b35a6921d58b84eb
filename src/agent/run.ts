import { setTimeout as sleep } from 'node:timers/promises';
import { Netlink } from 'libbpf-ts';
import type { Logger } from 'pino';
import { compile, type ObjectFile, type ProgramFile } from '../datapath/compile.js';
import { Datapath, type Round, type TouchedBlocks } from '../datapath/datapath.js';
import type { AttachKind } from '../datapath/attach.js';
import type { Folders } from '../datapath/folders.js';
import { preview } from '../datapath/preview.js';
import type { Change } from '../datapath/reconcile.js';
import { fitWarnings } from '../decide/fit.js';
import { EncapError, placeText } from '../errors.js';
import type { NodeName } from '../model/node.js';
import type { Source } from '../sources/source.js';
import { Backoff } from '../sources/backoff.js';
import { Bell } from './bell.js';
import { Following } from './following.js';
import { isFatal } from './fatal.js';
import { lock } from './lock.js';
import { Notebook } from './notebook.js';
import { watchNetwork } from './network.js';
import { Telemetry, type TelemetryOptions } from './telemetry/telemetry.js';
import { Vitals, type Stage } from './vitals.js';
import { World, type Decided } from './world.js';

export interface AgentOptions {
  readonly source: Source;
  readonly node: NodeName;
  /** Uplink that the user names; undefined: what the settings say. */
  readonly interface: string | undefined;
  readonly attach: AttachKind | 'auto';
  /** Take this machine's clang, whatever object is shipped; undefined: no. */
  readonly compile?: boolean;
  /** One round, then end; the datapath stays in force. */
  readonly once: boolean;
  /** Change nothing, say what would be changed. */
  readonly dryRun: boolean;
  readonly folders: Folders;
  readonly log: Logger;
  /** Ends the agent; the datapath stays in force. */
  readonly signal: AbortSignal;
  readonly timing?: Partial<Timing>;
  /** undefined: nobody looks at it from outside. */
  readonly telemetry?: TelemetryOptions;
}

/** All in milliseconds. */
export interface Timing {
  /** Changes that come together make one round. */
  readonly settle: number;
  /** Whole rounds that follow each other rest in between, eight times as long as they took, and this at most. */
  readonly rest: number;
  /** How often programs and pins are looked after: rtnetlink does not tell of them. */
  readonly pulse: number;
  /** How often everything is read back, whatever happened. */
  readonly readBack: number;
  /** How often everything is decided from scratch, whatever happened. */
  readonly afresh: number;
  /** How long a new mode is accepted before it is sent. */
  readonly delay: number;
  /** How long a mode that was switched off is still accepted. */
  readonly grace: number;
}

/** A node hears of a change within a second, and within five when it has to find its datastore first. */
export const defaultTiming: Timing = {
  settle: 20,
  rest: 400,
  pulse: 250,
  readBack: 30_000,
  afresh: 300_000,
  delay: 6000,
  grace: 60_000,
};

/** Follows a source until the signal fires; the datapath outlives it. Gives the changes of its first round. */
export async function runAgent(options: AgentOptions): Promise<readonly Change[]> {
  if (options.dryRun) return dryRun(options);
  await using _lock = await lock(options.folders.run);
  return await follow(options); // awaited here: the lock is held until it ends
}

async function dryRun(options: AgentOptions): Promise<readonly Change[]> {
  const { node, log, folders, interface: name } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const world = new World(node, log);
  const { desired, settings } = await firstOf(world, options);
  using netlink = Netlink.open();
  const { changes, faults, kernelTunnels } = preview(
    desired,
    {
      folders,
      settings: {
        ...settings,
        underlay: { ...settings.underlay, interface: name ?? settings.underlay.interface },
      },
      switching: { delayMs: timing.delay, graceMs: timing.grace },
    },
    netlink,
  );
  for (const { name: device, routes, how } of kernelTunnels)
    if (how === 'taken over') log.info({ device, routes }, 'would take over from a kernel tunnel');
  for (const { message: fault, hint } of faults) log.warn({ fault, hint }, 'degraded');
  return changes;
}

async function follow(options: AgentOptions): Promise<readonly Change[]> {
  const { node, log, folders, signal: outer } = options;
  const vitals = new Vitals();
  const source = vitals.listeningTo(options.source);
  const timing = { ...defaultTiming, ...options.timing };
  const notebook = new Notebook(log, folders, { node, source: source.name });
  using netlink = Netlink.open();
  using datapath = new Datapath(
    {
      folders,
      object: objects(log, options.compile === true),
      attach: options.attach,
      interface: options.interface,
      switching: { delayMs: timing.delay, graceMs: timing.grace },
      said: (command) => log.info({ command }, 'command run'),
    },
    netlink,
  );
  const world = new World(node, log);
  const bell = new Bell();
  const following = new Following(source, log);
  // Ends before the datapath does, whose maps it reads.
  await using telemetry =
    options.telemetry === undefined || options.once
      ? undefined
      : await Telemetry.open(options.telemetry, {
          vitals,
          log,
          attach: datapath.kind,
          isIntact: () => datapath.isIntact(),
          hashedBlocks: () => datapath.hashedBlocks,
          dueMs: () => bell.unheardMs,
          reload: () => following.again(),
        });
  // Something else than the world may have changed, or a round did not go through.
  let isWhole = true;
  const round = (enter: (stage: Stage) => void, isResting = false): Round | undefined => {
    const isDue = (datapath.nextEndMs ?? Infinity) <= performance.now();
    const wasWhole = isWhole || isDue;
    isWhole = true;
    const decided = world.decide();
    if (decided === undefined) return undefined;
    const { desired, touched } = decided;
    vitals.decided(desired);
    telemetry?.follow(decided.settings);
    enter('blocks');
    const single =
      touched === undefined || touched.size === 0 ? untouched : datapath.touch(desired, touched);
    notebook.changed(single?.changes ?? []);
    const isDone = !wasWhole && single?.isRouted === false;
    if (touched !== undefined && single !== undefined && (isDone || isResting)) {
      isWhole = !isDone;
      return undefined;
    }
    enter('datapath');
    const hasNews = touched === undefined || single === undefined;
    notebook.tunnels(decided.tunnelEnds); // first: what is taken over can be given back, should this be the end
    const done = datapath.reconcile({ ...decided, hasNews }, performance.now());
    world.warn(fitWarnings(decided, done.uplink.mtu));
    notebook.done(done, datapath);
    vitals.done(done, notebook.unwritten);
    isWhole = false;
    return done;
  };

  if (options.once) {
    await firstOf(world, options);
    return vitals.run(round)?.changes ?? [];
  }

  const ended = new AbortController();
  const signal = AbortSignal.any([outer, ended.signal]);
  const wholeRound = (): void => {
    isWhole = true;
    bell.ring();
  };
  const watchers = Promise.all([
    following.run(
      (reading) => {
        const isWorld = world.take(reading);
        notebook.sourced(world.faults);
        if (isWorld) bell.ring();
      },
      { signal, tried: wholeRound },
    ),
    watchNetwork(netlink, datapath, {
      signal,
      changed: wholeRound,
      lost: (failure, nextMs) => notebook.blind(failure, nextMs),
    }),
    every(timing.readBack, signal, wholeRound),
    every(timing.afresh, signal, () => world.forget()),
    every(timing.pulse, signal, () => {
      // While rounds fail they are tried again anyway, later and later.
      if (notebook.isFailing || datapath.uplink === undefined) return;
      try {
        if (datapath.hasNews()) wholeRound();
        if (datapath.isIntact()) return;
        notebook.missing();
      } catch (failure) {
        notebook.unseen(failure); // a round looks at all of it, and is tried again
      }
      wholeRound();
    }),
  ]);
  try {
    // A watcher that fails ends the agent: to go on without it would be to go blind.
    return await Promise.race([
      rounds({
        round: (isResting) => vitals.run((enter) => round(enter, isResting)),
        isWhole: () => isWhole,
        hasBlocks: () => world.isSmallChange,
        datapath,
        notebook,
        bell,
        signal,
        settleMs: timing.settle,
        mostRestMs: timing.rest,
      }),
      watchers.then(() => []),
    ]);
  } finally {
    ended.abort();
    await watchers.catch(() => undefined); // its failure has been thrown by the race already
    log.info('agent ends, the datapath stays');
  }
}

const untouched: TouchedBlocks = { changes: [], isRouted: false };

/** Each object is made once, when it is first needed: before it is loaded, which may fail. */
function objects(log: Logger, isCompiled: boolean): (program: ProgramFile) => ObjectFile {
  const made = new Map<ProgramFile, ObjectFile>();
  return (program) => {
    const there = made.get(program);
    if (there !== undefined) return there;
    const object = compile({ program, compile: isCompiled });
    const { kind, file, why, compiler } = object.origin;
    log.info({ object: kind, file, why, compiler }, 'object');
    made.set(program, object);
    return object;
  };
}

interface Rounds {
  /** `isResting`: single blocks alone, where that is possible. */
  readonly round: (isResting: boolean) => Round | undefined;
  /** Whether the next one has to be a whole one. */
  readonly isWhole: () => boolean;
  /** Whether single blocks have changed. */
  readonly hasBlocks: () => boolean;
  readonly datapath: Datapath;
  readonly notebook: Notebook;
  readonly bell: Bell;
  readonly signal: AbortSignal;
  readonly settleMs: number;
  readonly mostRestMs: number;
}

/**
 * One round for each time the bell rang; a failed one is tried again, later and later. Single blocks don't wait for the
 * rest between whole rounds.
 */
async function rounds({
  round,
  isWhole,
  hasBlocks,
  datapath,
  notebook,
  bell,
  signal,
  settleMs,
  mostRestMs,
}: Rounds): Promise<readonly Change[]> {
  const backoff = new Backoff();
  let first: Round | undefined;
  let endedMs = -Infinity;
  let restUntilMs = -Infinity;
  while (await bell.wait(signal)) {
    const isResting = restUntilMs > performance.now();
    if (isResting && !hasBlocks()) {
      bell.ringIn(restUntilMs - performance.now());
      continue;
    }
    // Changes of single blocks don't wait for more to come, unless there was one just now.
    const isSmall = hasBlocks() && (isResting || !isWhole());
    if (!isSmall || performance.now() - endedMs < settleMs) await sleep(settleMs);
    if (signal.aborted) break;
    try {
      const beganMs = performance.now();
      const done = round(isResting);
      endedMs = performance.now();
      // An interface that flaps must not keep a CPU busy.
      if (done !== undefined) restUntilMs = endedMs + Math.min(mostRestMs, 8 * (endedMs - beganMs));
      first ??= done;
      backoff.reset();
      const nextMs = isResting && isWhole() ? restUntilMs : datapath.nextEndMs;
      bell.ringIn(nextMs === undefined ? undefined : nextMs - performance.now());
    } catch (failure) {
      if (first === undefined && isFatal(failure)) throw failure;
      const nextMs = backoff.nextMs();
      notebook.failed(failure, nextMs);
      bell.ringIn(nextMs);
    }
  }
  return first?.changes ?? [];
}

/** The first reading must be a whole world: there is no second one to wait for. */
async function firstOf(world: World, { source, signal }: AgentOptions): Promise<Decided> {
  for await (const reading of source.inventories(signal)) {
    const decided = world.take(reading) ? world.decide() : undefined;
    if (decided !== undefined) return decided;
    const [fault] = world.faults;
    if (fault !== undefined)
      throw new EncapError(`cannot read the resources: ${fault.message}`, {
        code: 'DATASTORE_UNREACHABLE',
        hint: fault.hint,
      });
    const errors = reading.problems.filter(({ severity }) => severity === 'error');
    throw new EncapError(`cannot read ${source.name}: it is no whole set of resources`, {
      code: 'CONFIG_INVALID',
      why: errors.map((problem) => `${placeText(problem)} ${problem.message}`).join('\n'),
      hint: 'see all that is wrong: encap validate',
    });
  }
  throw new EncapError(`cannot read ${source.name}: it was stopped first`, { code: 'UNEXPECTED' });
}

/** Calls again and again until the signal fires. */
async function every(ms: number, signal: AbortSignal, call: () => void): Promise<void> {
  try {
    for (;;) {
      await sleep(ms, undefined, { signal, ref: false });
      call();
    }
  } catch (failure) {
    if (!signal.aborted) throw failure;
  }
}

import { decodeContext, encodeContext } from './context.js';
import type { Context, ContextAfter } from './context.js';
import { handle } from './handle.js';
import { attach } from './hook.js';
import type { Hook } from './hook.js';
import type { Link } from './link.js';
import { native } from './native.js';
import type { NativeProgram } from './native.js';
import { Pin } from './pin.js';
import { programTypeName } from './types.js';
import type { ProgramType } from './types.js';

export interface ProgramInfo {
  readonly id: number;
  readonly type: ProgramType;
  /** At most 15 characters: the kernel cuts there. */
  readonly name: string;
  readonly tag: string;
  readonly loadedAt: Date;
  /** 0 where the caller may not see it. */
  readonly translatedBytes: number;
  readonly jitedBytes: number;
  /** 0 before 5.16. */
  readonly verifiedInstructions: number;
  readonly mapIds: readonly number[];
  /** Counted while statistics are enabled. */
  readonly runCount: bigint;
  readonly runTimeNs: bigint;
}

export interface RunOptions {
  readonly context?: Context;
  /** Runs that many times; `durationNs` is the mean. */
  readonly repeat?: number;
}

export interface RunResult {
  readonly returnValue: number;
  readonly packet: Uint8Array;
  readonly durationNs: number;
  readonly context?: ContextAfter;
}

/** A loaded program. */
export class Program implements Disposable {
  readonly [handle]: NativeProgram;
  readonly name: string;
  readonly #pin: Pin;
  readonly #type: ProgramType;

  /** Made by `BpfObject.program()` and `Program.open()`. */
  constructor(of: NativeProgram, name?: string, pinPath?: string) {
    const info = of.info();
    this[handle] = of;
    this.name = name ?? info.name;
    this.#type = programTypeName(info.type);
    this.#pin = new Pin(this.name, pinPath);
  }

  static open(path: string): Program {
    return new Program(native.openPin('program', path), undefined, path);
  }

  get info(): ProgramInfo {
    const { type, loadedNs, ...rest } = this[handle].info();
    const booted = Date.now() - Number(process.hrtime.bigint() / 1_000_000n); // both count from boot
    return {
      ...rest,
      type: programTypeName(type),
      loadedAt: new Date(booted + Number(loadedNs / 1_000_000n)),
    };
  }

  /** BPF_PROG_TEST_RUN: runs on a packet that no interface sees. */
  run(packet: Uint8Array, { context, repeat = 1 }: RunOptions = {}): RunResult {
    const given = encodeContext(this.#type, context, packet.length);
    const { context: left, ...result } = this[handle].run(
      packet,
      given.bytes,
      given.sizeOut,
      repeat,
    );
    const after = decodeContext(this.#type, left);
    return after === undefined ? result : { ...result, context: after };
  }

  attach(hook: Hook): Link {
    return attach(this, hook);
  }

  pin(path: string): void {
    this.#pin.put(this[handle], path);
  }

  unpin(): void {
    this.#pin.remove();
  }

  [Symbol.dispose](): void {
    this[handle].close();
  }
}

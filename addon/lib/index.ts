export { Btf } from './btf.js';
export type { BtfEnum, BtfField, BtfStruct, BtfType } from './btf.js';
export { BtfMismatch, checkCodec } from './check.js';
export type { Sides } from './check.js';
export {
  array,
  bytes,
  decode,
  encode,
  enumeration,
  mapped,
  struct,
  u16,
  u16be,
  u32,
  u32be,
  u64,
  u8,
} from './codec.js';
export type { Codec, ValueOf } from './codec.js';
export type { Context, ContextAfter } from './context.js';
export type { Direction } from './direction.js';
export { BpfError, NetlinkError } from './error.js';
export type { KernelFailure } from './error.js';
export { enableStatistics, features, kernel, libbpfVersion, possibleCpus } from './features.js';
export { query } from './hook.js';
export type { ClsactHook, Hook, Position, TcxHook, XdpHook } from './hook.js';
export type { FieldLayout, Layout } from './layout.js';
export { detachClsact, Link, queryClsact } from './link.js';
export type { ClsactPlace, LinkInfo } from './link.js';
export type { Batch } from './batch.js';
export { BpfMap } from './map.js';
export type { MapInfo } from './map.js';
export { BpfObject, open, OpenObject } from './object.js';
export type { AnyMap, OpenMap, OpenProgram } from './object.js';
export { Program } from './program.js';
export type { ProgramInfo, RunOptions, RunResult } from './program.js';
export type { MapType, ProgramType } from './types.js';
export * from './namespace.js';
export * from './netlink/index.js';

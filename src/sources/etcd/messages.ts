import type { MethodDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** The part of etcd's API (etcd/api/etcdserverpb/rpc.proto) that a reader needs. 64-bit numbers are texts. */
export interface Header {
  readonly clusterId: string;
  readonly revision: string;
}

export interface RangeRequest {
  readonly key: Uint8Array;
  /** Behind the last key that is meant; empty: that one key. */
  readonly rangeEnd: Uint8Array;
  /** 0: no limit. */
  readonly limit?: number;
  /** 0: the newest. */
  readonly revision?: string;
}

export interface RangeResponse {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
  /** There are more keys than were asked for. */
  readonly more: boolean;
}

export interface KeyValue {
  readonly key: Buffer;
  readonly modRevision: string;
  readonly value: Buffer;
}

export interface WatchRequest {
  readonly createRequest: {
    readonly key: Uint8Array;
    readonly rangeEnd: Uint8Array;
    readonly startRevision: string;
    /** An empty response every now and then says how far the watch is. */
    readonly progressNotify: boolean;
    readonly watchId: string;
    /** Responses that are too long for one message come in several. */
    readonly fragment: boolean;
  };
}

export interface WatchResponse {
  readonly header: Header;
  readonly watchId: string;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Not 0: the revisions before this one are gone, and with them what was to be watched. */
  readonly compactRevision: string;
  readonly cancelReason: string;
  readonly fragment: boolean;
  readonly events: readonly { readonly type: 'PUT' | 'DELETE'; readonly kv: KeyValue }[];
}

type Fields = Readonly<Record<string, readonly [type: string, id: number]>>;

function message(fields: Fields): object {
  const described = Object.entries(fields).map(([name, [kind, id]]) => {
    const [, rule, type] = /^(repeated )?(.*)$/.exec(kind) ?? [];
    return [name, { type, id, ...(rule === undefined ? {} : { rule: 'repeated' }) }];
  });
  return { fields: Object.fromEntries(described) as object };
}

function method(name: string): { requestType: string; responseType: string; comment: string } {
  return { requestType: `${name}Request`, responseType: `${name}Response`, comment: '' };
}

const definition = fromJSON(
  {
    nested: {
      etcdserverpb: {
        nested: {
          ResponseHeader: message({ clusterId: ['uint64', 1], revision: ['int64', 3] }),
          KeyValue: message({
            key: ['bytes', 1],
            modRevision: ['int64', 3],
            value: ['bytes', 5],
          }),
          RangeRequest: message({
            key: ['bytes', 1],
            rangeEnd: ['bytes', 2],
            limit: ['int64', 3],
            revision: ['int64', 4],
          }),
          RangeResponse: message({
            header: ['ResponseHeader', 1],
            kvs: ['repeated KeyValue', 2],
            more: ['bool', 3],
          }),
          WatchCreateRequest: message({
            key: ['bytes', 1],
            rangeEnd: ['bytes', 2],
            startRevision: ['int64', 3],
            progressNotify: ['bool', 4],
            watchId: ['int64', 7],
            fragment: ['bool', 8],
          }),
          WatchRequest: message({ createRequest: ['WatchCreateRequest', 1] }),
          EventType: { values: { PUT: 0, DELETE: 1 } },
          Event: message({ type: ['EventType', 1], kv: ['KeyValue', 2] }),
          WatchResponse: message({
            header: ['ResponseHeader', 1],
            watchId: ['int64', 2],
            created: ['bool', 3],
            canceled: ['bool', 4],
            compactRevision: ['int64', 5],
            cancelReason: ['string', 6],
            fragment: ['bool', 7],
            events: ['repeated Event', 11],
          }),
          AuthenticateRequest: message({ name: ['string', 1], password: ['string', 2] }),
          AuthenticateResponse: message({ token: ['string', 2] }),
          Reader: {
            methods: {
              range: method('Range'),
              watch: { ...method('Watch'), requestStream: true, responseStream: true },
              authenticate: method('Authenticate'),
            },
          },
        },
      },
    },
  },
  { longs: String, enums: String, defaults: true },
);

/** How one method is called, and its messages are written and read. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly write: (request: Request) => Buffer;
  readonly read: (bytes: Buffer) => Response;
}

const reader = definition['etcdserverpb.Reader'] as unknown as Readonly<
  Record<string, MethodDefinition<unknown, unknown>>
>;

function methodAt<Request, Response>(path: string, name: string): Method<Request, Response> {
  const found = reader[name] as MethodDefinition<Request, Response>;
  return { path, write: found.requestSerialize, read: found.responseDeserialize };
}

export const range = methodAt<RangeRequest, RangeResponse>('/etcdserverpb.KV/Range', 'range');
export const watch = methodAt<WatchRequest, WatchResponse>('/etcdserverpb.Watch/Watch', 'watch');
export const authenticate = methodAt<
  { readonly name: string; readonly password: string },
  { readonly token: string }
>('/etcdserverpb.Auth/Authenticate', 'authenticate');

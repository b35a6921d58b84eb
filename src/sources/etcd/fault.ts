import { status } from '@grpc/grpc-js';
import { EncapError } from '../../errors.js';
import type { Fault } from '../../model/fault.js';
import { answerMs } from './connection.js';

/** What was to be read is no longer there; a new list is. That happens, and is no fault. */
export class Compacted extends Error {}

/** The status of a call that failed. */
export function codeOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number'
    ? error.code
    : undefined;
}

const refusals: readonly (number | undefined)[] = [
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  // etcd's word for a wrong password.
  status.INVALID_ARGUMENT,
];

/** Why a cluster can't be followed. */
export function faultOf(endpoints: readonly string[], error: unknown): Fault {
  const where = `etcd at ${endpoints.join(', ')}`;
  if (error instanceof EncapError)
    return { short: 'etcd not reached', message: error.message, hint: error.hint ?? '' };
  if (refusals.includes(codeOf(error)))
    return {
      short: 'etcd refuses us',
      message: `${where} does not let this node read: ${wordsOf(error)}`,
      hint: 'see user, passwordFile and certificate of the datastore in NodeConfig; the user’s role must read /calico/ (etcdctl role get)',
    };
  const words = wordsOf(error);
  if (/certificate|altnames/i.test(words))
    return {
      short: 'etcd not trusted',
      message: `${where}: ${words}`,
      hint: 'see caFile, certFile and keyFile of the datastore in NodeConfig, and whether the certificates are still valid (openssl x509 -noout -dates -ext subjectAltName -in FILE)',
    };
  return {
    short: 'etcd not reached',
    message: `${where} does not answer: ${words}`,
    hint: 'see whether it runs and this node reaches it (etcdctl endpoint health); the last world stays in force, traffic is not touched',
  };
}

function wordsOf(error: unknown): string {
  if (codeOf(error) === status.DEADLINE_EXCEEDED) return `no answer within ${answerMs / 1000} s`;
  const details =
    error instanceof Error && 'details' in error ? String(error.details) : String(error);
  const alert = /SSL alert number \d+/.test(details)
    ? /ssl\w* alert ([a-z ]+)/.exec(details)?.[1]
    : undefined;
  if (alert !== undefined) return `it refuses our certificate (TLS: ${alert})`;
  return details
    .replace(/^.*Last error: /s, '')
    .replace(/^Error: /, '')
    .replace(/\.? ?Resolution note:.*$/s, '')
    .replace(/\s*\([-\d]+T[\d:.]+Z\)\s*$/, '');
}

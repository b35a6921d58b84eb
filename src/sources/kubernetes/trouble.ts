import type { Fault } from '../../model/fault.js';

/** Why the API server was of no use this time. Time may heal it: a fault, no end. */
export class Trouble extends Error {
  readonly fault: Fault;
  /** Of HTTP; undefined: there was no answer. */
  readonly status: number | undefined;
  /** How long the server wants to be left alone, in milliseconds. */
  readonly restMs: number;

  constructor(fault: Fault, status?: number, restMs = 0) {
    super(fault.message);
    this.name = 'Trouble';
    this.fault = fault;
    this.status = status;
    this.restMs = restMs;
  }
}

/** What was heard can't be continued: everything has to be listed again. Not a fault by itself. */
export class Anew extends Error {}

/** What was asked of whom. */
export interface Request {
  /** `list`, `watch`, `get`: the verbs of RBAC. */
  readonly verb: string;
  /** `ipamblocks.crd.projectcalico.org`. */
  readonly what: string;
  readonly server: string;
}

/** No answer, half of one, or a server that can't show who it is. */
export function unreachable({ server }: Request, cause: unknown): Trouble {
  const code = codeOf(cause);
  const why = reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
  if (/CERT|TLS/.test(code) || code.startsWith('UNABLE_TO_'))
    return new Trouble({
      short: 'Kubernetes not trusted',
      message: `the Kubernetes API at ${server} does not prove who it is: ${code}: ${why}`,
      hint: 'see certificate-authority of the kubeconfig, and whether the certificate is still valid (openssl s_client -connect HOST:PORT | openssl x509 -noout -dates -ext subjectAltName)',
    });
  return new Trouble({
    short: 'Kubernetes not reached',
    message: `the Kubernetes API at ${server} does not answer: ${code}: ${why}`,
    hint: reachHint,
  });
}

/** The server keeps silent. */
export function silent({ server }: Request, ms: number): Trouble {
  return new Trouble({
    short: 'Kubernetes not reached',
    message: `the Kubernetes API at ${server} does not answer within ${ms / 1000} s`,
    hint: reachHint,
  });
}

/** We can't say who we are: a certificate is gone, a credential plugin fails. */
export function nobody(server: string, cause: unknown): Trouble {
  return new Trouble({
    short: 'no credentials for Kubernetes',
    message: `the credentials for the Kubernetes API at ${server} can’t be had: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: 'see the user of the kubeconfig: its files, or the plugin that it runs',
  });
}

/** It answered, and not with what was asked for. */
export function refused(
  { verb, what, server }: Request,
  status: number,
  { said, restMs }: { readonly said: string; readonly restMs?: number | undefined },
): Trouble {
  const where = `the Kubernetes API at ${server}`;
  const words = said === '' ? '' : `: ${said}`;
  switch (status) {
    case 401:
      return new Trouble(
        {
          short: 'Kubernetes does not know us',
          message: `${where} does not know this user: 401${words}`,
          hint: 'is the token or the client certificate expired? renew the kubeconfig or the service account',
        },
        status,
      );
    case 403:
      return new Trouble(
        {
          short: `Kubernetes forbids to ${verb} ${what}`,
          message: `${where} forbids to ${verb} ${what}: 403${words}`,
          hint: `give this user the verb ${verb} on ${what}: kubectl apply -f deploy/base/rbac.yaml`,
        },
        status,
      );
    default:
      return new Trouble(
        {
          short: 'Kubernetes in trouble',
          message: `${where} can’t ${verb} ${what}: ${status}${words}`,
          hint: `look at the API server: kubectl get --raw '/readyz?verbose'`,
        },
        status,
        restMs,
      );
  }
}

/** An answer that is none of Kubernetes'. */
export function garbled({ verb, what, server }: Request, why: string): Trouble {
  return new Trouble({
    short: 'Kubernetes not understood',
    message: `the Kubernetes API at ${server}, asked to ${verb} ${what}: ${why}`,
    hint: 'is it a Kubernetes API server, or a proxy that answers in its place?',
  });
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'UNKNOWN';
}

const reachHint =
  'see whether it runs and this node reaches it (kubectl get --raw /readyz); the last world stays in force, traffic is not touched';

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ETIMEDOUT: 'nothing comes back',
  EHOSTUNREACH: 'there is no way to this host',
  ENETUNREACH: 'there is no way to this network',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'DNS does not answer',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody we trust',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by nobody we trust',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by nobody we trust',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by nobody we trust',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is of another host',
};

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root } from '../../cli/encap.js';

/** Every overlay that there is. */
export const overlays: readonly string[] = readdirSync(join(root, 'deploy/overlays'));

/** What is applied with `-k`, below deploy: overlays, what they share, and what takes all of it off again. */
export const kustomizations: readonly string[] = [
  'base',
  'down',
  ...overlays.map((overlay) => `overlays/${overlay}`),
];

const made = new Map<string, string>();

/** What `kubectl apply -k` would send for a folder of deploy: for these tests, and for an API server to judge. */
export function manifestsOf(folder: string): string {
  const text = made.get(folder) ?? kustomized(folder);
  made.set(folder, text);
  return text;
}

function kustomized(folder: string): string {
  return execFileSync('kubectl', ['kustomize', join(root, 'deploy', folder)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'], // newer ones warn of what older ones need
  });
}

/** Why there is nothing to make manifests with; undefined where there is. */
export function noKubectl(): string | undefined {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'no kubectl (package kubernetes-client)';
  }
}

/** Objects of a text of YAML, by kind. */
export function byKind(text: string): ReadonlyMap<string, Manifest> {
  const documents = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
  return new Map(documents.map((one) => [one.kind, one]));
}

/** As much of a Kubernetes object as these tests look at. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly updateStrategy: unknown;
    readonly template: { readonly spec: PodSpec };
  };
}

export interface PodSpec {
  readonly hostNetwork: boolean;
  readonly priorityClassName: string;
  readonly serviceAccountName: string;
  readonly terminationGracePeriodSeconds: number;
  readonly tolerations: unknown;
  readonly automountServiceAccountToken?: boolean;
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
  readonly containers: readonly Container[];
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly lifecycle?: unknown;
  readonly securityContext: {
    readonly privileged: boolean;
    readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
    readonly readOnlyRootFilesystem: boolean;
    readonly allowPrivilegeEscalation: boolean;
  };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly readinessProbe: { readonly httpGet: object };
  readonly livenessProbe: { readonly httpGet: object };
}

/** The same file as a unit test reads it. */
export function deployFile(name: string): string {
  return readFileSync(join(root, 'deploy', name), 'utf8');
}

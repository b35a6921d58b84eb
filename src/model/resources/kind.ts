import type * as z from 'zod';
import type { Path, Severity } from '../problem.js';

/** A fault of one resource, not yet tied to a place. */
export interface Complaint {
  /** Missing: error. */
  readonly severity?: Severity;
  readonly path: Path;
  readonly message: string;
  /** The member's name is meant, not its value. */
  readonly atKey?: boolean;
  /** The member of a NodeConfig's beyondCalico that allows it. */
  readonly unless?: 'ip6ip';
}

/** A resource that we read: what Calico's API accepts, and what Felix makes of it. */
export interface ResourceKind<Resource> {
  readonly kind: string;
  readonly apiVersions: readonly string[];
  /** Calico's API: every member it knows, with its type. Members that are not here are refused. */
  readonly schema: z.ZodType;
  /** What a schema can't say: rules between members. They run on whatever was written, however wrong. */
  readonly rules: (value: unknown) => readonly Complaint[];
  /** Felix: what it can work with. Fails where no decision is left. */
  readonly reading: z.ZodType<Resource>;
}

/** Keeps the reading's type while the kinds stand in one list. */
export function resourceKind<Resource>(kind: ResourceKind<Resource>): ResourceKind<Resource> {
  return kind;
}

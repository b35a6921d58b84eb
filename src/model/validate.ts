import { withinBounds } from './beyond-calico.js';
import { problemOf } from './check.js';
import type { Documents } from './document.js';
import { inReadingOrder, type Problem } from './problem.js';
import { understand } from './understand.js';
import { wholeFindings } from './whole.js';

/** The strict reading: what Calico's API would say of these resources, created one after the other. */
export function validate({ documents, files, problems }: Documents): readonly Problem[] {
  const all = withinBounds(documents.map(understand));
  const findings = [...all.flatMap((one) => one.findings), ...wholeFindings(all)];
  return inReadingOrder([...problems, ...findings.map(problemOf)], files);
}

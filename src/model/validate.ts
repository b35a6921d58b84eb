import type { UnderstoodFiles } from './assemble.js';
import { withinBounds } from './beyond-calico.js';
import { problemOf } from './check.js';
import type { Documents } from './document.js';
import { inReadingOrder, type Problem } from './problem.js';
import { understand } from './understand.js';
import { wholeFindings } from './whole.js';

/** The strict reading: what Calico's API would say of these resources, created one after the other. */
export function validate(documents: Documents): readonly Problem[] {
  return complaintsAbout({ ...documents, all: documents.documents.map(understand) });
}

/** The same of documents that were understood before. */
export function complaintsAbout(understood: UnderstoodFiles): readonly Problem[] {
  const { files, problems } = understood;
  const all = withinBounds(understood.all);
  const findings = [...all.flatMap((one) => one.findings), ...wholeFindings(all)];
  return inReadingOrder([...problems, ...findings.map(problemOf)], files);
}

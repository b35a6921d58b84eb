import type { Diagnosis } from '../doctor/diagnosis.js';
import { findingText } from './finding-text.js';
import type { Session } from './session.js';

/** What is well in a line each, then what is not. */
export function diagnosisText(session: Session, diagnosis: Diagnosis): string {
  const { paint } = session;
  const { checks, findings, node, verdict, probed } = diagnosis;
  const worse = new Set(findings.filter(({ severity }) => severity !== 'note').map(({ id }) => id));
  const well = checks.filter((check) => !check.findings.some((id) => worse.has(id)));
  const width = Math.max(...checks.map(({ subject }) => subject.length));
  const word = verdict === 'OK' ? paint.green(verdict) : paint.red(verdict);
  return [
    `${paint.bold(node ?? 'this node')}  ${word}   ${checks.length} subjects looked at, ${counted(findings.length)}${probed ? '' : paint.dim('   (--probe sends packets too)')}`,
    ...well.map(
      ({ subject, seen }) =>
        `${paint.green('ok')}    ${subject.padEnd(width)}   ${paint.dim(seen)}`,
    ),
    ...findings.map((finding) => findingText(session, finding)),
  ].join('\n');
}

function counted(findings: number): string {
  return findings === 1 ? '1 finding' : `${findings} findings`;
}

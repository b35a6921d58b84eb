import type { Command } from 'commander';
import type { Diagnosis } from '../doctor/diagnosis.js';
import { exitCodes } from '../errors.js';
import { examplesOf } from './examples.js';
import { takesNode, takesResources, takesTimeout } from './inputs.js';
import { print } from './output.js';
import { note, type Session, sessionOf } from './session.js';
import type { OnceOptions } from './world.js';

interface DoctorOptions extends OnceOptions {
  readonly probe?: boolean;
  readonly fix?: boolean;
  readonly bundle?: string;
}

/** `encap doctor`: looks for all that is known to go wrong; needs neither agent nor datastore. */
export function define(command: Command): void {
  takesTimeout(takesNode(takesResources(command)))
    .option('--probe', 'send packets to the peers: ports, VNI, checksums, path MTU, loss')
    .option('--fix', 'put right what is safe to, saying each thing')
    .option('--bundle <file>', 'write all that was seen into a .tgz, secrets left out');
  examplesOf(command, [
    ['sudo encap doctor', 'look; exit code 7 where something is wrong'],
    ['sudo encap doctor --probe', 'and send packets'],
    ['sudo encap doctor -c /etc/encap/node.yaml', 'and compare with what the resources say'],
    ['sudo encap doctor --fix', 'and put right what is safe to'],
    ['sudo encap doctor --bundle node-a.tgz', 'for a report to somebody else'],
    ['sudo encap doctor -o json', 'for a script'],
    ['sudo encap doctor -o name', 'ids of what was found'],
  ]).action(async (options: DoctorOptions) => {
    const session = sessionOf(command);
    let diagnosis = await diagnosisOf(session, options);
    let fixed: readonly string[] = [];
    if (options.fix === true) {
      const { fixAll } = await import('../doctor/fix.js');
      fixed = await fixAll(diagnosis.findings, (line, { id }) =>
        note(session, `# ${line}   (${id})`),
      );
      if (fixed.length > 0) diagnosis = await diagnosisOf(session, options);
      else note(session, 'there is nothing that is safe to fix by itself');
    }
    const [{ isWell }, { diagnosisText }] = await Promise.all([
      import('../doctor/diagnosis.js'),
      import('./doctor-text.js'),
    ]);
    if (options.bundle !== undefined) {
      const { writeBundle } = await import('./doctor-bundle.js');
      const files = await writeBundle(options.bundle, diagnosis, session.env);
      note(
        session,
        `wrote ${options.bundle}: ${files} files, secrets left out; look before you send it`,
      );
    }
    await print(session, {
      document: { ...diagnosis, fixed },
      names: () => [...new Set(diagnosis.findings.map(({ id }) => id))],
      text: () => diagnosisText(session, diagnosis),
    });
    if (!isWell(diagnosis.findings)) process.exitCode = exitCodes.degraded;
  });
}

async function diagnosisOf(session: Session, options: DoctorOptions): Promise<Diagnosis> {
  const [{ examineNode }, { diagnose }] = await Promise.all([
    import('./doctor-facts.js'),
    import('../doctor/diagnosis.js'),
  ]);
  const { facts, folders } = await examineNode(options, session.env);
  if (options.probe !== true) return diagnose(facts, undefined, Date.now());
  const { probePeers } = await import('../doctor/probe/peers.js');
  return diagnose(facts, await probePeers(facts, folders), Date.now());
}

import type { Command } from 'commander';
import { EncapError, exitCodes } from '../errors.js';
import { examplesOf } from './examples.js';
import { takesNode, takesResources, takesTimeout } from './inputs.js';
import { print } from './output.js';
import { sessionOf } from './session.js';
import type { OnceOptions } from './world.js';

interface MtuOptions extends OnceOptions {
  readonly probe?: boolean;
}

/** `encap mtu`: how large packets may be, and are; needs the pins and the state file, not the agent. */
export function define(command: Command): void {
  takesTimeout(takesNode(takesResources(command)))
    .argument('[peer...]', 'nodes or their addresses, with --probe (default: all, 16 at most)')
    .option('--probe', 'send unfragmented packets of growing size to the peers');
  examplesOf(command, [
    ['sudo encap mtu', 'of the uplink, the encapsulations, the pools and the workloads'],
    ['sudo encap mtu --probe', 'what the paths to the peers really take'],
    ['sudo encap mtu --probe node-c', 'one of them'],
    ['sudo encap mtu -o json', 'for a script; exit code 7 where something does not fit'],
  ]).action(async (names: readonly string[], { probe = false, ...options }: MtuOptions) => {
    const session = sessionOf(command);
    if (names.length > 0 && !probe)
      throw new EncapError(`cannot look at the path to ${names.join(', ')} without packets`, {
        code: 'USAGE',
        hint: `encap mtu --probe ${names.join(' ')}`,
      });
    const [
      { examineNode },
      { mtuFindings, mtusOf },
      { mtuText },
      { inOrder, isWell },
      { probePaths },
    ] = await Promise.all([
      import('./doctor-facts.js'),
      import('../doctor/mtu.js'),
      import('./mtu-text.js'),
      import('../doctor/diagnosis.js'),
      import('../doctor/probe/paths.js'),
    ]);
    const { facts } = await examineNode(options, session.env, 0);
    if (facts.datapath instanceof EncapError) throw facts.datapath;
    const mtus = mtusOf(facts, probe ? await probePaths(facts, names) : []);
    if (mtus === undefined)
      throw new EncapError('cannot tell the uplink: the agent’s state file is gone', {
        code: 'DATAPATH_ABSENT',
        hint: 'start the agent: it writes it in its first round',
      });
    const findings = inOrder(mtuFindings(mtus));
    await print(session, {
      document: { apiVersion: 'encap/v1', kind: 'Mtu', ...mtus, findings },
      names: () => [...new Set(findings.map(({ id }) => id))],
      text: () => mtuText(session, mtus, findings),
    });
    if (!isWell(findings)) process.exitCode = exitCodes.degraded;
  });
}

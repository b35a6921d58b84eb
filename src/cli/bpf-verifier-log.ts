import { Argument, type Command } from 'commander';
import type { ObjectFile } from '../datapath/compile.js';
import type { Config } from '../datapath/config.js';
import type { ProgramName } from '../datapath/load.js';
import { EncapError, exitCodes } from '../errors.js';
import type { Settings } from '../model/settings.js';
import { examplesOf } from './examples.js';
import { takesNode, takesResources, takesTimeout } from './inputs.js';
import { print } from './output.js';
import { note, type Session, sessionOf } from './session.js';
import { type OnceOptions, readWorld } from './world.js';

interface LogOptions extends OnceOptions {
  readonly last?: boolean;
  readonly out?: string;
}

/** Of datapath/load.ts, which is not to be loaded for `--help`. */
const names = [
  'cutter',
  'ingress',
  'egress',
  'backstop',
  'workload',
] as const satisfies readonly ProgramName[];

/** `encap bpf verify-log`: a program before the verifier, attached to nothing. */
export function defineVerifierLog(parent: Command): void {
  const summary = 'the verifier’s whole log of a program';
  const command = parent
    .command('verify-log')
    .summary(summary)
    .description(
      `${summary}: loaded for this at log level 2, attached to nothing, gone with the command`,
    )
    .addArgument(
      new Argument('[program]', 'which one; left out with --last: whichever it was').choices(names),
    )
    .option('--last', 'what an agent wrote down when a program was rejected; loads nothing')
    .option('--out <file>', 'write it there (default: standard output)');
  takesTimeout(takesNode(takesResources(command)));
  examplesOf(command, [
    ['sudo encap bpf verify-log egress --out egress.log', 'tens of megabytes, maybe'],
    ['sudo encap bpf verify-log workload -f cluster.d | tail -3', 'with the settings of these'],
    ['encap bpf verify-log --last', 'why an agent could not load a program'],
  ]).action(async (word: ProgramName | undefined, options: LogOptions) => {
    const session = sessionOf(command);
    const log =
      options.last === true ? await lastLog(session, word) : await madeLog(session, options, word);
    const { program, taken, text } = log;
    if (options.out === undefined)
      return print(session, {
        document: { apiVersion: 'encap/v1', kind: 'VerifierLog', ...log },
        text: () => text,
      });
    const { writeAtomically } = await import('../datapath/write.js');
    writeAtomically(options.out, text);
    const file = options.out;
    return print(session, {
      document: {
        apiVersion: 'encap/v1',
        kind: 'VerifierLogFile',
        program,
        taken,
        file,
        bytes: Buffer.byteLength(text),
      },
      text: () => `${program} was ${taken ? 'taken' : 'rejected'}; its log: ${file}`,
    });
  });
}

interface Log {
  readonly program: string;
  readonly taken: boolean;
  readonly text: string;
}

async function madeLog(
  session: Session,
  options: LogOptions,
  program: ProgramName | undefined,
): Promise<Log> {
  if (program === undefined)
    throw new EncapError('cannot make a verifier log: no program was named', {
      code: 'USAGE',
      hint: `name one of ${names.join(', ')}; or --last`,
    });
  const [{ functionOf }, { verifierLogOf }] = await Promise.all([
    import('../datapath/load.js'),
    import('../datapath/verifier-log.js'),
  ]);
  const source = await sourceOf(session, options, program);
  const { isTaken, text } = verifierLogOf(program, source);
  if (!isTaken) {
    note(session, `! this kernel’s verifier rejects ${functionOf(program)}`);
    process.exitCode = exitCodes.missing;
  }
  return { program: functionOf(program), taken: isTaken, text };
}

/** Constants are part of what is verified: of the resources that were named, else those in force, else of the defaults. */
async function sourceOf(
  session: Session,
  options: LogOptions,
  program: ProgramName,
): Promise<{ readonly object: ObjectFile; readonly config: Config }> {
  const { file, config, source } = options;
  if (file.length > 0 || config !== undefined || source !== undefined)
    return made((await readWorld(session, options)).world.inventory.settings, program);
  const [{ foldersOf }, { readState }, { inventoryOf }] = await Promise.all([
    import('../datapath/folders.js'),
    import('../datapath/state.js'),
    import('../model/assemble.js'),
  ]);
  const state = readState(foldersOf(session.env).run);
  if (state !== undefined) {
    note(session, `as loaded on this node: build ${state.build}`);
    return (await import('../datapath/pinned-copy.js')).loadedFrom(state);
  }
  note(session, 'with the default settings: no agent has loaded any here');
  const nothing = { files: [], documents: [], problems: [] };
  return made(inventoryOf(nothing, { environment: session.env }).inventory.settings, program);
}

async function made(
  settings: Settings,
  program: ProgramName,
): Promise<{ readonly object: ObjectFile; readonly config: Config }> {
  const [{ compile, programFileFor }, { configOf, probe }] = await Promise.all([
    import('../datapath/compile.js'),
    import('../datapath/config.js'),
  ]);
  const file = program === 'workload' ? 'encapd_fast' : programFileFor(settings.fastPath);
  return {
    object: compile({ program: file }),
    config: configOf(settings, probe()),
  };
}

async function lastLog(session: Session, program: ProgramName | undefined): Promise<Log> {
  const [{ foldersOf }, { functionOf }, { lastRejection }] = await Promise.all([
    import('../datapath/folders.js'),
    import('../datapath/load.js'),
    import('../datapath/rejected.js'),
  ]);
  const { run } = foldersOf(session.env);
  const last = lastRejection(run, program === undefined ? undefined : functionOf(program));
  if (last === undefined)
    throw new EncapError('cannot show a rejected program’s log: there is none', {
      code: 'FILE_UNREADABLE',
      why: `no agent has written one into ${run}`,
      hint: 'make one of a program that is taken: encap bpf verify-log egress',
    });
  note(session, last.file);
  return { program: last.program, taken: false, text: last.text };
}

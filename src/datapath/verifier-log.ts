import { BpfError, open } from 'libbpf-ts';
import { EncapError } from '../errors.js';
import { config as configCodec } from './abi.js';
import type { ObjectFile } from './compile.js';
import type { Config } from './config.js';
import { checkLayouts, functionOf, type ProgramName } from './load.js';
import { refused } from './rejected.js';

/** All that the verifier says of a program, and whether it takes it. */
export interface VerifierLog {
  readonly isTaken: boolean;
  readonly text: string;
}

/** Loads one program at the verifier's highest log level, for its log alone: nothing is pinned or attached, nothing stays. */
export function verifierLogOf(
  program: ProgramName,
  { object, config }: { readonly object: ObjectFile; readonly config: Config },
): VerifierLog {
  using blueprint = open(object.bytes, { name: 'encapd' });
  checkLayouts(blueprint);
  blueprint.setGlobal('config', configCodec, config);
  const name = functionOf(program);
  if (!blueprint.programs.has(name))
    throw new EncapError(`cannot verify ${name}: it is not in ${object.origin.file}`, {
      code: 'USAGE',
      hint: 'name resources with -f: then the object with shortcuts is taken, which has it',
    });
  for (const one of blueprint.programs.values()) one.autoload = one.name === name;
  try {
    using loaded = blueprint.load({ kernelLogLevel: 2 });
    return { isTaken: true, text: loaded.verifierLogs.get(name) ?? '' };
  } catch (cause) {
    if (!(cause instanceof BpfError)) throw cause;
    if (cause.verifierLog === undefined) throw refused(`load ${name}`, cause);
    return { isTaken: false, text: cause.verifierLog };
  }
}

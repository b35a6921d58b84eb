import type { Command } from 'commander';
import { defineCompile } from './bpf-compile.js';
import { defineInfo } from './bpf-info.js';
import { defineVerifierLog } from './bpf-verifier-log.js';
import { examplesOf } from './examples.js';

/** `encap bpf`: the programs as kernel engineers see them. */
export function define(command: Command): void {
  command.helpCommand(false);
  examplesOf(command, [
    ['encap bpf compile --out .', 'objects of the sources, by this machine’s clang'],
    ['sudo encap bpf info', 'what is loaded: sizes, runs, maps, places'],
    ['sudo encap bpf verify-log egress > log', 'all that the verifier says of a program'],
  ]);
  defineCompile(command);
  defineInfo(command);
  defineVerifierLog(command);
}

import { Command, Option } from 'commander';
import { catalogue, EncapError } from '../errors.js';
import { inOurWords } from './calico-words.js';
import { failureOf, failureText, reportFailure } from './failure.js';
import { colorWhens, type Paint, paintFor } from './paint.js';
import { colorIn, formats, formatIn } from './session.js';
import { didYouMean } from './suggest.js';

/** A word of the command line. Its module is loaded only when the word was typed. */
interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly define: (command: Command) => void }>;
}

/** Every command there is, in the order of `encap --help`: a new one is a file and an entry here. */
export const verbs: readonly Verb[] = [
  {
    name: 'status',
    summary: 'health of this node: verdict, peers, counters (the default)',
    load: () => import('./status.js'),
  },
  {
    name: 'run',
    summary: 'watch Calico resources and keep the kernel in step',
    load: () => import('./run.js'),
  },
  {
    name: 'down',
    summary: 'take everything of encap off this node',
    load: () => import('./down.js'),
  },
  {
    name: 'validate',
    summary: 'check resource files: line, field, reason',
    load: () => import('./validate.js'),
  },
  {
    name: 'plan',
    summary: 'what a node gets from its resources, or what changes between two',
    load: () => import('./plan.js'),
  },
  {
    name: 'explain',
    summary: 'how a packet to a destination leaves the node, and why',
    load: () => import('./explain.js'),
  },
  {
    name: 'get',
    summary: 'pools, nodes, blocks, configuration as understood',
    load: () => import('./get.js'),
  },
  {
    name: 'graph',
    summary: 'draw who encapsulates to whom',
    load: () => import('./graph.js'),
  },
  {
    name: 'config',
    summary: 'settings in force and who said them; a NodeConfig to begin with',
    load: () => import('./config.js'),
  },
  {
    name: 'map',
    summary: 'read the kernel tables of the running datapath',
    load: () => import('./map.js'),
  },
  {
    name: 'bpf',
    summary: 'the programs, for kernel engineers: compile, look at, verify',
    load: () => import('./bpf.js'),
  },
  {
    name: 'top',
    summary: 'rates by node, verdict, block or pool, as time goes by',
    load: () => import('./top.js'),
  },
  {
    name: 'trace',
    summary: 'follow packets: what becomes of each, whose it is, and why',
    load: () => import('./trace.js'),
  },
  {
    name: 'capture',
    summary: 'write packets as pcapng, the decision beside each',
    load: () => import('./capture.js'),
  },
  {
    name: 'packet',
    summary: 'what the programs of a node do with a packet',
    load: () => import('./packet.js'),
  },
  {
    name: 'mtu',
    summary: 'how large packets may be, and what the paths to the peers take',
    load: () => import('./mtu.js'),
  },
  {
    name: 'doctor',
    summary: 'look for all that is known to go wrong; each finding with its cure',
    load: () => import('./doctor.js'),
  },
  {
    name: 'lab',
    summary: 'an overlay of network namespaces to try things in',
    load: () => import('./lab.js'),
  },
  {
    name: 'bench',
    summary: 'what encapsulation costs here, beside the kernel’s own devices',
    load: () => import('./bench.js'),
  },
  {
    name: 'install',
    summary: 'put this package in service: unit, configuration, command',
    load: () => import('./install.js'),
  },
  {
    name: 'uninstall',
    summary: 'remove what encap install wrote, and nothing else',
    load: () => import('./uninstall.js'),
  },
  {
    name: 'completion',
    summary: 'words for the Tab key, of bash, zsh or fish',
    load: () => import('./completion.js'),
  },
  {
    name: 'version',
    summary: 'version of encap, kernel and libraries',
    load: () => import('./version.js'),
  },
  {
    name: 'help',
    summary: 'a command, a topic (exit-codes, environment, config, man) or an error code',
    load: () => import('./help.js'),
  },
];

const examples = `
Examples:
  encap validate pools.yaml                        check a file before it is applied
  encap explain 10.244.3.9 -f cluster.d            how does a packet get there?
  sudo encap run -f cluster.d                      encapsulate, by these resources
  sudo encap                                       is everything well?
  sudo encap lab up crosssubnet                    three nodes in namespaces to play with

Exit codes: encap help exit-codes`;

/** Runs the command line to its end and leaves the exit code in `process.exitCode`. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const paint = paintFor(process.stderr, env, colorIn(argv));
  endWithOutput(paint);
  try {
    const words = inOurWords(argv, Date.now());
    const program = await commandLine(words);
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    process.exitCode = await reportFailure(error, formatIn(argv), paint);
  }
}

/** The tree of commands; those that `argv` does not name are there by name and summary only. */
export async function commandLine(argv: readonly string[]): Promise<Command> {
  const program = root();
  const wanted = new Set(argv);
  for (const verb of verbs) {
    const command = program.command(verb.name).summary(verb.summary).description(verb.summary);
    if (wanted.has(verb.name)) (await verb.load()).define(command);
  }
  return program;
}

function root(): Command {
  const program = new Command('encap')
    .description("Calico's VXLAN and IP-in-IP overlays in eBPF, without tunnel devices")
    .usage('[options] [command]')
    .argument('[command...]')
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(formats).default('table'),
    )
    .option('--no-headers', 'tables without their first line')
    .addOption(
      new Option('--color <when>', 'auto: on a terminal, unless NO_COLOR is set')
        .choices(colorWhens)
        .default('auto'),
    )
    .option(
      '-v, --verbose',
      'say more; twice: everything',
      (_: string, before: number) => before + 1,
      0,
    )
    .option('-q, --quiet', 'no notes on standard error')
    .option('-V, --version', 'print the version')
    .helpCommand(false)
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', examples)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError();
  return program.action(async (words: readonly string[], options: { version?: boolean }) => {
    await withoutVerb(program, words, options.version === true ? 'version' : 'status');
  });
}

/** `encap` alone is `encap status`; a word that is no command gets the nearest ones offered. */
async function withoutVerb(
  program: Command,
  words: readonly string[],
  fallback: string,
): Promise<void> {
  const [word] = words;
  if (word !== undefined) {
    throw new EncapError(`cannot run ${word}: there is no such command`, {
      code: 'USAGE',
      hint: await didYouMean(
        word,
        verbs.map((verb) => verb.name),
        'encap --help',
      ),
    });
  }
  const command = program.commands.find((one) => one.name() === fallback);
  const verb = verbs.find((one) => one.name === fallback);
  if (command === undefined || verb === undefined) return;
  (await verb.load()).define(command);
  await command.parseAsync([], { from: 'user' });
}

/** `encap get nodes | head -1`: the reader has what it wanted. Nobody may take half an answer for the whole, though. */
function endWithOutput(paint: Paint): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      const refused = new EncapError(`cannot print all of it: ${error.message}`, {
        code: 'OUTPUT_REFUSED',
      });
      process.stderr.write(failureText(failureOf(refused), paint));
      process.exitCode = catalogue.OUTPUT_REFUSED;
    }
    process.exit();
  });
  process.stderr.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit();
  });
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { EncapError } from '../errors.js';
import { lastLine, runAt, type Ended, type Place } from './place.js';

/** Two other machines by this machine's ssh, as the user has set it up. */
export interface Connections extends AsyncDisposable {
  readonly places: readonly [Place, Place];
}

/**
 * The targets and the file are what ssh takes (`-F`). Commands to one machine share a connection, which the first of
 * them opens and disposing closes.
 */
export function connect(targets: readonly [string, string], configFile?: string): Connections {
  const folder = mkdtempSync(join(tmpdir(), 'encap-ssh-')); // mode 700: who gets at a control socket is in
  const options = (target: string): readonly string[] =>
    optionsOf(join(folder, String(targets.indexOf(target))), configFile);
  const [one, other] = targets;
  return {
    places: [placeOf(one, options(one)), placeOf(other, options(other))],
    [Symbol.asyncDispose]: async () => {
      for (const target of new Set(targets))
        // fails where no connection came up
        await execa('ssh', [...options(target), '-O', 'exit', '--', target], { reject: false });
      rmSync(folder, { recursive: true });
    },
  };
}

/** Of each call: no questions, no terminal, no wait without end. */
function optionsOf(socket: string, configFile: string | undefined): readonly string[] {
  const settings = {
    BatchMode: 'yes',
    ConnectTimeout: '10',
    ControlMaster: 'auto',
    ControlPath: socket,
    ControlPersist: '60', // seconds that it outlives us if we are killed
  };
  return [
    ...(configFile === undefined ? [] : ['-F', configFile]),
    '-T',
    ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
  ];
}

/** Fails where a place is not reached, or where its shell says what would be taken for a tool's answer. */
export async function checkQuiet(place: Place): Promise<void> {
  const { stdout } = await runAt(place, ['true']);
  if (stdout === '') return;
  throw new EncapError(
    `cannot use ${place.name} by ssh: its login shell says ${lastLine(stdout)}`,
    {
      code: 'SSH_FAILED',
      hint: `\`ssh ${place.name} true\` must say nothing: look into .bashrc there`,
    },
  );
}

function placeOf(target: string, options: readonly string[]): Place {
  return {
    name: target,
    node: 'node',
    command: (words) => {
      const there = ['sh', '-c', not255, 'sh', ...words].map(quoted).join(' ');
      return ['ssh', ...options, '--', target, there];
    },
    lost: (ended) => lost(target, ended),
  };
}

/** Runs words; their own 255 becomes 254, so that 255 is ssh's alone. */
const not255 = '"$@" || exit $(($? == 255 ? 254 : $?))';

/** The other side gives the words to a shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** ssh that fails ends with 255; what it says last is why. */
function lost(target: string, { exitCode, code, stderr }: Ended): EncapError | undefined {
  if (code === 'ENOENT')
    return new EncapError(`cannot reach ${target}: there is no ssh on this machine`, {
      code: 'FEATURE_MISSING',
      hint: 'apt install openssh-client',
    });
  if (exitCode !== 255) return undefined;
  const said = lastLine(stderr);
  return new EncapError(
    `cannot reach ${target} by ssh: ${said === '' ? 'it ended without a word' : said}`,
    {
      code: 'SSH_FAILED',
      hint: `no question may be asked: try \`ssh -o BatchMode=yes ${target} true\`, with -F if --ssh-config is given`,
    },
  );
}

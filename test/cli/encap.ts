import { execFile, spawnSync } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

export const main = join(root, 'dist/src/cli/main.js');

/** What a command printed, and how it ended. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface How {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
  /** How long it may take; default: a minute. */
  readonly limitMs?: number;
}

/** Runs the built command with pipes: plain, uncoloured, uncut. */
export async function encap(
  args: readonly string[],
  { env = {}, stdin = '', cwd = root, limitMs = 60_000 }: How = {},
): Promise<Ended> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [main, ...args],
      { env: { ...cleanEnvironment(), ...env }, cwd, timeout: limitMs, maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        done({
          stdout,
          stderr,
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        });
      },
    );
    child.stdin?.end(stdin);
  });
}

/**
 * Runs the built command on a terminal of 80 columns; `stdin` is typed there. What it says on either stream, and the
 * echo of what was typed, comes as one text.
 */
export function encapOnTerminal(
  args: readonly string[],
  { env = {}, cwd = root, stdin }: How = {},
): { readonly text: string; readonly code: number | null } {
  const line = [process.execPath, main, ...args].map(quoted).join(' ');
  const { stdout, status } = spawnSync(
    'script',
    ['-qec', `stty cols 80 rows 24; ${line}`, '/dev/null'],
    {
      env: { ...cleanEnvironment(), TERM: 'xterm', ...env },
      cwd,
      encoding: 'utf8',
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'inherit'],
      ...(stdin === undefined ? {} : { input: stdin }),
      timeout: 60_000,
    },
  );
  return { text: stdout.replaceAll('\r\n', '\n'), code: status };
}

/** Why there are no terminals on this machine; undefined where there are. */
export function noTerminal(): string | undefined {
  return spawnSync('script', ['--version']).error === undefined
    ? undefined
    : 'no script command (package bsdutils) to make a terminal';
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Whatever the machine's environment says of Calico, colours or nodes is not part of a test; nor is how long Node itself
 * takes by its variables: to read NODE_EXTRA_CA_CERTS is more than all of `encap --help`.
 */
export function cleanEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined ||
      /^(?:CALICO_|FELIX_|ENCAP_|NO_|FORCE_COLOR|NODENAME|CI$|TERM|NODE_)/.test(name)
        ? []
        : [[name, value]],
    ),
  );
}

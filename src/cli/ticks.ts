import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, Option, type Command } from 'commander';

/** How often something is shown again, and how often in all. */
export interface TickOptions {
  readonly interval: number;
  readonly count?: number;
}

/** Gives a command the options --interval and --count. */
export function takesTicks(command: Command): Command {
  return command
    .addOption(
      new Option('--interval <seconds>', 'how often to look').argParser(secondsFrom).default(1),
    )
    .addOption(
      new Option('-n, --count <number>', 'end after so many (default: Ctrl-C)').argParser(
        wholeFrom,
      ),
    );
}

/** Waits an interval before each tick. Ends after `count` of them, or when the signal fires. */
export async function* ticks(
  { interval, count = Infinity }: TickOptions,
  signal: AbortSignal,
): AsyncGenerator<void, void, void> {
  for (let left = count; left > 0; left -= 1) {
    await sleep(interval * 1000, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    yield;
  }
}

/** For options that count something: as much as the programs can, from 1. */
export function wholeFrom(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= 0xffffffff) return value;
  throw new InvalidArgumentError('give a whole number above 0');
}

/** For options that measure something. */
export function above0(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('give a number above 0');
}

/** Shorter intervals show the noise of the clock. */
function secondsFrom(text: string): number {
  const seconds = Number(text);
  if (seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('give seconds, from 0.1 to 3600');
}

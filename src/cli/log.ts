import type { Logger } from 'pino';
import { logLevels, type LogLevel } from '../model/log-level.js';

export const logFormats = ['auto', 'json', 'pretty'] as const;

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: (typeof logFormats)[number];
}

/** A log, and how many of its lines were lost since nobody took them. */
export interface Log {
  readonly logger: Logger;
  readonly droppedLines: () => number;
}

/** Bytes that wait for a slow reader; what comes on top is dropped and counted. */
const mostWaiting = 1024 * 1024;

/**
 * One line for each change of state on standard error: pretty on a terminal, JSON elsewhere. Nobody waits for the
 * reader of it: a full pipe or disk must not hold up what the lines are about.
 */
export async function openLog({ level, format }: LogOptions): Promise<Log> {
  const { pino } = await import('pino');
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  let dropped = 0;
  const destination = pino.destination({ dest: 2, sync: false, maxLength: mostWaiting });
  destination.on('drop', () => (dropped += 1));
  // ENOSPC, EPIPE, EIO: the line is lost, the agent is not.
  destination.on('error', () => (dropped += 1));
  const droppedLines = (): number => dropped;
  if (format === 'json' || (format === 'auto' && !process.stderr.isTTY)) {
    const formatters = { level: (label: string) => ({ level: label }) };
    return { logger: pino({ ...options, formatters }, destination), droppedLines };
  }
  const { default: pretty } = await import('pino-pretty');
  const colorize = process.stderr.isTTY && (process.env.NO_COLOR ?? '') === '';
  const logger = pino(
    options,
    pretty({ destination, colorize, translateTime: 'SYS:HH:MM:ss.l' }),
  );
  return { logger, droppedLines };
}

/** The level that somebody asked for: the option, else ENCAP_LOG_LEVEL, else FELIX_LOGSEVERITYSCREEN. */
export function saidLogLevel(
  option: LogLevel | undefined,
  env: NodeJS.ProcessEnv,
): LogLevel | undefined {
  return (
    option ??
    logLevels.find((level) => level === env.ENCAP_LOG_LEVEL?.toLowerCase()) ??
    felixLevels[env.FELIX_LOGSEVERITYSCREEN?.toLowerCase() ?? '']
  );
}

/** Felix's LogSeverityScreen, as far as it has other words. */
const felixLevels: Readonly<Record<string, LogLevel>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warning: 'warn',
  error: 'error',
  fatal: 'fatal',
  none: 'silent',
};

import type { Logger } from 'pino';
import { logLevels, type LogLevel } from '../model/log-level.js';
import { byOption, type Said } from '../model/origin.js';
import { LogDestination } from './log-destination.js';

export const logFormats = ['auto', 'json', 'pretty'] as const;

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: (typeof logFormats)[number];
}

/** A log, and what became of its lines. */
export interface Log {
  readonly logger: Logger;
  readonly destination: LogDestination;
}

/** One line for each change of state on standard error: pretty on a terminal, JSON elsewhere. */
export async function openLog({ level, format }: LogOptions): Promise<Log> {
  const { pino } = await import('pino');
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const destination = new LogDestination();
  if (format === 'json' || (format === 'auto' && !process.stderr.isTTY)) {
    const formatters = { level: (label: string) => ({ level: label }) };
    return { logger: pino({ ...options, formatters }, destination), destination };
  }
  const { prettyFactory } = await import('pino-pretty');
  const colorize = process.stderr.isTTY && (process.env.NO_COLOR ?? '') === '';
  const pretty = prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss.l' });
  const write = (line: string): void => destination.write(pretty(line));
  return { logger: pino(options, { write }), destination };
}

/** The level that somebody asked for: the option, else ENCAP_LOG_LEVEL, else FELIX_LOGSEVERITYSCREEN. */
export function saidLogLevel(
  option: LogLevel | undefined,
  env: NodeJS.ProcessEnv,
): LogLevel | undefined {
  return logLevelWord(option, env)?.value;
}

/** The same, and who said it; a word that is no level says nothing. */
export function logLevelWord(
  option: LogLevel | undefined,
  env: NodeJS.ProcessEnv,
): Said<LogLevel> | undefined {
  const variable = (name: string, level: LogLevel | undefined): Said<LogLevel> | undefined =>
    level && { value: level, origin: { from: 'variable', name } };
  return (
    byOption('--log-level', option) ??
    variable(
      'ENCAP_LOG_LEVEL',
      logLevels.find((level) => level === env.ENCAP_LOG_LEVEL?.toLowerCase()),
    ) ??
    variable(
      'FELIX_LOGSEVERITYSCREEN',
      felixLevels[env.FELIX_LOGSEVERITYSCREEN?.toLowerCase() ?? ''],
    )
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

import type { Logger } from 'pino';

export const logFormats = ['auto', 'json', 'pretty'] as const;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: (typeof logFormats)[number];
}

/** One line for each change of state on standard error: pretty on a terminal, JSON elsewhere. */
export async function openLog({ level, format }: LogOptions): Promise<Logger> {
  const { pino } = await import('pino');
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (format === 'json' || (format === 'auto' && !process.stderr.isTTY)) {
    const formatters = { level: (label: string) => ({ level: label }) };
    return pino({ ...options, formatters }, pino.destination({ dest: 2, sync: true }));
  }
  const { default: pretty } = await import('pino-pretty');
  const colorize = process.stderr.isTTY && (process.env.NO_COLOR ?? '') === '';
  return pino(
    options,
    pretty({ destination: 2, sync: true, colorize, translateTime: 'SYS:HH:MM:ss.l' }),
  );
}

/** The level to log at: the option, else ENCAP_LOG_LEVEL, else FELIX_LOGSEVERITYSCREEN, else info. */
export function logLevel(option: LogLevel | undefined, env: NodeJS.ProcessEnv): LogLevel {
  return (
    option ??
    logLevels.find((level) => level === env.ENCAP_LOG_LEVEL?.toLowerCase()) ??
    felixLevels[env.FELIX_LOGSEVERITYSCREEN?.toLowerCase() ?? ''] ??
    'info'
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

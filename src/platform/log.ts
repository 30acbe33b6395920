import pino, { type Logger } from 'pino'

export type Log = Logger

/**
 * One JSON object a line on standard output: `time` (RFC 3339), `level` (a word), `msg` (always the same text for the
 * same event), and fields. Values that look like secrets are cut out, whatever room logs them.
 */
export function createLog(options: { level: string; site?: string }): Log {
  return pino(
    {
      level: options.level,
      base: { ...(options.site === undefined ? {} : { site: options.site }), pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['password', '*.password', 'token', '*.token', '*.secret'], censor: '***' },
    },
    pino.destination({ fd: 1, sync: true }),
  )
}

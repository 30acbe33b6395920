/** PostgreSQL's own errors carry a severity beside their five-character SQLSTATE. */
export function isFromServer(error: unknown): error is { code: string; severity: string } {
  return typeof error === 'object' && error !== null && 'severity' in error && 'code' in error
}

/** An administrator ended the session, or the server is stopping, crashed, or starting. */
const sessionEnded = ['57P01', '57P02', '57P03']
const socketEnded = ['ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ETIMEDOUT']
/** What pg, and this project's own deadlines, say without a code. */
const told =
  /Connection terminated|not queryable|Query read timeout|timeout (exceeded when trying to connect|expired)|PostgreSQL (did not answer )?within/

/**
 * True for the error of a query whose server went away meanwhile, or did not answer it in time: it says nothing about
 * the query, and waiting may heal it.
 */
export function isServerGone(error: unknown): boolean {
  if (isFromServer(error)) return sessionEnded.includes(error.code)
  if (!(error instanceof Error)) return false
  return ('code' in error && socketEnded.includes(String(error.code))) || told.test(error.message)
}

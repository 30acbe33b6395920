import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { Client, type ClientConfig } from 'pg'
import { NoAnswer, within } from '../no-answer.ts'
import { isFromServer, isServerGone } from '../postgres/gone.ts'
import type { DatabaseAddress, DatabaseReader, DatabaseWriter, Query, Row } from './types.ts'

/** A role of the target's PostgreSQL. */
export interface DatabaseRole {
  user: string
  /** Read anew for every connection, because passwords are changed. */
  passwordFile?: string
}

export interface ConnectionOptions {
  /** PEM of the certificate authority; without it the connection is not encrypted (loopback only). */
  caFile?: string
  /** Shown in pg_stat_activity. */
  applicationName?: string
  /** Longest connection set-up, milliseconds; 5 s when absent. */
  connectTimeoutMs?: number
  /** Longest wait for one statement, milliseconds; 60 s when absent. PostgreSQL is told the same limit. */
  statementTimeoutMs?: number
}

/** Two roles, so that PostgreSQL itself refuses a look that would write. */
export interface DatabaseOptions extends ConnectionOptions {
  reader: DatabaseRole
  writer: DatabaseRole
}

/*
 * A connection is opened for each use and closed: nothing is held on a server that is about to change its role.
 */

/** Signs in as the reader. Its transactions are read-only besides: what its role may do by mistake is refused too. */
export function databaseReader(options: ConnectionOptions & Pick<DatabaseOptions, 'reader'>): DatabaseReader {
  const signIn = { ...options.reader, readOnly: true }
  return { read: (address, signal, work) => session(options, signIn, address, signal, work) }
}

/** Signs in as the writer. */
export function databaseWriter(options: ConnectionOptions & Pick<DatabaseOptions, 'writer'>): DatabaseWriter {
  const signIn = { ...options.writer, readOnly: false }
  return { write: (address, signal, work) => session(options, signIn, address, signal, work) }
}

type SignIn = DatabaseRole & { readOnly: boolean }

async function session<T>(
  options: ConnectionOptions,
  signIn: SignIn,
  address: DatabaseAddress,
  signal: AbortSignal,
  work: (query: Query) => Promise<T>,
): Promise<T> {
  const target = `PostgreSQL ${address.host}:${address.port}/${address.database}`
  if (signal.aborted) throw new NoAnswer(target, signal.reason)
  const socket = new Socket()
  const client = new Client(configOf(options, signIn, address, socket))
  client.on('error', () => undefined) // the statement that waits is rejected with the same error
  // pg has no way to give up: without its socket every call ends at once.
  const onAbort = () => socket.destroy(new NoAnswer(target, signal.reason))
  signal.addEventListener('abort', onAbort)
  try {
    await connected(client, target, within(options.connectTimeoutMs ?? 5000, signal), socket)
    return await work((text, values) => statement(client, target, options, socket, text, values))
  } catch (error) {
    if (error instanceof NoAnswer) throw error
    if (signal.aborted) throw new NoAnswer(target, signal.reason)
    throw isLoss(error) ? new NoAnswer(target, error) : error
  } finally {
    signal.removeEventListener('abort', onAbort)
    // end() waits for the server to close; a dead one never does.
    const timer = setTimeout(() => socket.destroy(), 1000)
    await client.end().catch(() => undefined)
    clearTimeout(timer)
    socket.destroy()
  }
}

function configOf(
  options: ConnectionOptions,
  { user, passwordFile, readOnly }: SignIn,
  address: DatabaseAddress,
  socket: Socket,
): ClientConfig {
  const statementMs = options.statementTimeoutMs ?? 60_000
  return {
    host: address.host,
    port: address.port,
    database: address.database,
    user,
    password: passwordFile === undefined ? undefined : readFileSync(passwordFile, 'utf8').trim(),
    application_name: options.applicationName ?? 'haetae',
    options: `-c statement_timeout=${statementMs}${readOnly ? ' -c default_transaction_read_only=on' : ''}`,
    stream: () => socket,
    ...(options.caFile === undefined ? {} : { ssl: tlsOptions(options.caFile, address) }),
  } as ClientConfig
}

/** pg sets the server name itself only for names; an address is checked against the certificate's IP entries. */
function tlsOptions(
  caFile: string,
  address: DatabaseAddress,
): { ca: string; servername?: string; host: string } {
  const host = address.serverName ?? address.host
  return {
    ca: readFileSync(caFile, 'utf8'),
    host,
    ...(address.serverName === undefined ? {} : { servername: host }),
  }
}

async function connected(client: Client, target: string, signal: AbortSignal, socket: Socket): Promise<void> {
  const onAbort = () => socket.destroy(new NoAnswer(target, signal.reason))
  signal.addEventListener('abort', onAbort)
  try {
    await client.connect()
  } catch (error) {
    throw isFromServer(error) && !isLoss(error)
      ? error
      : new NoAnswer(target, signal.aborted ? signal.reason : error)
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** The server's own statement_timeout ends a slow statement; this ends one whose server no longer speaks. */
async function statement(
  client: Client,
  target: string,
  options: ConnectionOptions,
  socket: Socket,
  text: string,
  values: readonly unknown[] | undefined,
): Promise<Row[]> {
  const limit = (options.statementTimeoutMs ?? 60_000) + 2000
  const timer = setTimeout(
    () => socket.destroy(new NoAnswer(target, new Error(`no answer in ${limit} ms`))),
    limit,
  )
  try {
    // With values, even none, the server takes one statement and no more.
    const query = values === undefined ? text : { text, values: [...values], queryMode: 'extended' }
    const result = await client.query<Row>(query)
    return result.rows
  } finally {
    clearTimeout(timer)
  }
}

/**
 * No answer, or as good as none: the connection broke, the server is starting, stopping or full, an administrator
 * ended the session, or the statement ran out of time (what it had set off may go on).
 */
function isLoss(error: unknown): boolean {
  if (isServerGone(error)) return true
  if (isFromServer(error)) return ['57014', '53300'].includes(error.code)
  return /^E[A-Z]+$/.test(codeOf(error)) || codeOf(error).startsWith('ERR_')
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}

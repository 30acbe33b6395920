import pg from 'pg'
import type { DatabaseSettings, Settings } from './settings.ts'

/** How the database answered last. `why` is for people who read the health of the system. */
export interface DatabaseState {
  /** It takes writes. */
  ok: boolean
  /** It can be asked; so it can while its writers are paused. */
  reads: boolean
  why: string
  /** The service's own clock when the last heartbeat row was committed, milliseconds; 0 before the first. */
  heartbeatAt: number
}

export interface Database {
  readonly state: DatabaseState
  /** Stores a transaction once. Resolves after commit: true when stored now, false when the id was there. */
  store(id: string, payload: unknown): Promise<boolean>
  /** When the transaction was received, or undefined when the id is unknown. */
  find(id: string): Promise<Date | undefined>
  close(): Promise<void>
}

/** Thrown by `store` and `find` when the database cannot do it now. */
export class DatabaseAway extends Error {}

const probeEveryMs = 500
// Long enough for a machine that is busy: every loss makes a pool of new connections.
const probeTimeoutMs = 2500
const queryTimeoutMs = 2500
/** A heartbeat that waits longer than this for its commit means that nothing is acknowledged. */
const unconfirmedMs = 3000
const insert = 'INSERT INTO transactions (id, payload) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING'
const select = 'SELECT received_at FROM transactions WHERE id = $1'
const beat =
  'INSERT INTO heartbeat (source, at) VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET at = excluded.at'

/**
 * The system's database. One connection of its own asks every half second whether the server is there and takes
 * writes; when it is lost, so is the whole pool, because a socket to a vanished pod would hang for minutes.
 * A query that gets no answer in time is left to finish: a commit that waits for its standby holds its connection,
 * so the pool's size bounds how many wait, and nothing is canceled behind the standby's back.
 */
export function openDatabase(settings: Settings, own: DatabaseSettings): Database {
  const state: DatabaseState = { ok: false, reads: false, why: 'not asked yet', heartbeatAt: 0 }
  const config = connection(settings, own)
  let pool = newPool(config)
  let closed = false

  const away = (why: string) => Object.assign(state, { ok: false, reads: false, why })
  const renewPool = () => {
    const old = pool
    pool = newPool(config)
    void old.end().catch(ignore)
    for (const socket of config.sockets) socket.destroy()
    config.sockets.clear()
  }
  let beatSince = 0
  /** What the database said when it refused the last heartbeat; empty when it took it. */
  let refused = ''
  const probing = probeForever(config, () => closed, {
    writable: () => {
      const pending = beatSince > 0 && Date.now() - beatSince > unconfirmedMs
      const why = pending ? 'commits are not confirmed by the standby' : refused
      Object.assign(state, { ok: why === '', reads: !pending, why })
    },
    readOnly: () => away('the database is in recovery'),
    lost: (why) => {
      away(why)
      renewPool()
    },
  })
  const beating = heartbeatForever(
    () => closed,
    async (at) => {
      if (!state.reads) return
      beatSince = at
      refused = await pool
        .query(beat, [settings.site, new Date(at)])
        .then(() => '', whyPaused)
        .finally(() => (beatSince = 0))
      if (refused === '') state.heartbeatAt = at
    },
  )
  return {
    state,
    store: async (id, payload) =>
      (await timed(pool.query(insert, [id, JSON.stringify(payload ?? null)]))).rowCount === 1,
    find: async (id) => (await timed(pool.query<{ received_at: Date }>(select, [id]))).rows[0]?.received_at,
    close: async () => {
      closed = true
      await Promise.race([pool.end().catch(ignore), sleep(500)])
      await Promise.race([Promise.all([probing, beating]), sleep(1500)])
    },
  }
}

interface Connection extends pg.ClientConfig {
  sockets: Set<{ destroy(): void }>
}

function connection(settings: Settings, own: DatabaseSettings): Connection {
  const { host, port, name, user, password } = own
  return {
    host,
    port,
    database: name,
    user,
    password,
    ssl: { ca: settings.tls.ca },
    connectionTimeoutMillis: 2500,
    keepAlive: true,
    application_name: `web ${settings.system} ${settings.site}`,
    sockets: new Set(),
  }
}

function newPool(config: Connection): pg.Pool {
  const { sockets, ...client } = config
  const pool = new pg.Pool({ ...client, max: 5, idleTimeoutMillis: 30_000 })
  pool.on('error', ignore)
  pool.on('connect', (member) => {
    const socket = streamOf(member)
    sockets.add(socket)
    member.once('end', () => sockets.delete(socket))
  })
  return pool
}

function streamOf(client: pg.ClientBase): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream
}

interface ProbeReports {
  writable(): void
  readOnly(): void
  lost(why: string): void
}

async function probeForever(config: Connection, closed: () => boolean, report: ProbeReports): Promise<void> {
  while (!closed()) {
    const { sockets: _, ...own } = config
    const client = new pg.Client({ ...own, query_timeout: probeTimeoutMs })
    client.on('error', ignore)
    try {
      await client.connect()
      while (!closed()) {
        const answer = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby')
        if (answer.rows[0]?.standby === false) report.writable()
        else report.readOnly()
        await sleep(probeEveryMs)
      }
    } catch (error) {
      report.lost(`the database does not answer: ${error instanceof Error ? error.message : String(error)}`)
    }
    streamOf(client).destroy()
    await sleep(closed() ? 0 : probeEveryMs)
  }
}

/** One heartbeat a second, with this service's clock; never two at a time. */
async function heartbeatForever(closed: () => boolean, write: (at: number) => Promise<void>): Promise<void> {
  while (!closed()) {
    const at = Date.now()
    await write(at).catch(ignore)
    await sleep(Math.max(0, 1000 - (Date.now() - at)))
  }
}

/** Words of a database whose writers are paused; anything else is for the probe to find out. */
function whyPaused(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === '25006') return error.message
  throw error
}

async function timed<T>(query: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DatabaseAway('the database did not answer in time')), queryTimeoutMs)
  })
  try {
    return await Promise.race([query, timeout])
  } catch (error) {
    query.catch(ignore)
    if (error instanceof DatabaseAway) throw error
    throw new DatabaseAway(error instanceof Error ? error.message : String(error), { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function ignore(): void {}

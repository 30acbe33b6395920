import type { ClientBase, Pool, PoolClient, QueryResultRow } from 'pg'

/** Anything that a query can be sent to: the pool, or a client inside a transaction. */
export type Queryable = Pick<ClientBase, 'query'>

/**
 * Runs `work` in one transaction and returns what it returns; rolls back when it throws.
 * The client goes back to the pool in every case, and is destroyed when even the rollback failed.
 * With `withinMs`, a PostgreSQL that does not answer in time fails it (the connection is cut): whether a COMMIT that
 * was sent took effect is not known then.
 */
export async function transaction<T>(
  pool: Pool,
  work: (client: ClientBase) => Promise<T>,
  withinMs?: number,
): Promise<T> {
  const inside = async (client: ClientBase, broken: (error: Error) => void) => {
    try {
      await client.query('BEGIN')
      const result = await work(client)
      // PostgreSQL answers COMMIT without an error when a statement had failed before, and keeps nothing.
      const { command } = await client.query('COMMIT')
      if (command !== 'COMMIT') throw new Error('rolled back: a statement of the transaction had failed')
      return result
    } catch (error) {
      await client.query('ROLLBACK').catch(broken)
      throw error
    }
  }
  return withClient(pool, inside, withinMs)
}

/** One query; with `withinMs` it fails when PostgreSQL does not answer in time (the connection is cut). */
export async function queryWithin<R extends QueryResultRow>(
  pool: Pool,
  withinMs: number,
  text: string,
  values: unknown[],
): Promise<R[]> {
  const inside = async (client: ClientBase) => (await client.query<R>(text, values)).rows
  return withClient(pool, inside, withinMs)
}

/** Lends a client of the pool; it is destroyed instead of given back when it broke or its time was over. */
async function withClient<T>(
  pool: Pool,
  work: (client: ClientBase, broken: (error: Error) => void) => Promise<T>,
  withinMs: number | undefined,
): Promise<T> {
  const client = await connect(pool, withinMs)
  let broken: Error | undefined
  const onBroken = (error: Error) => void (broken = error)
  // A connection that breaks between two queries is told here; without a listener it would end the process.
  client.on('error', onBroken)
  try {
    return await inTime(work(client, onBroken), withinMs, onBroken)
  } catch (error) {
    throw broken ?? error
  } finally {
    client.release(broken)
    // What comes of a destroyed client afterwards is of no interest, but still must be listened to.
    if (broken === undefined) client.off('error', onBroken)
  }
}

/** The work's result, when it comes in time. */
async function inTime<T>(
  work: Promise<T>,
  withinMs: number | undefined,
  onLate: (error: Error) => void,
): Promise<T> {
  if (withinMs === undefined) return work
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`PostgreSQL did not answer within ${withinMs} ms`)
      onLate(error)
      reject(error)
    }, withinMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A client of the pool; one that comes too late goes straight back. */
async function connect(pool: Pool, withinMs: number | undefined): Promise<PoolClient> {
  const connecting = pool.connect()
  if (withinMs === undefined) return connecting
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      connecting.then(
        (client) => client.release(),
        () => {},
      )
      reject(new Error(`no connection to PostgreSQL within ${withinMs} ms`))
    }, withinMs)
  })
  try {
    return await Promise.race([connecting, late])
  } finally {
    clearTimeout(timer)
  }
}

import type { ClientBase, Pool, PoolClient } from 'pg'

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
  const client = await connect(pool, withinMs)
  let broken: Error | undefined
  // A connection that breaks between two queries is told here; without a listener it would end the process.
  const onError = (error: Error) => (broken = error)
  client.on('error', onError)
  const timer = withinMs === undefined ? undefined : setTimeout(() => void client.end(), withinMs)
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => (broken = failure))
    throw error
  } finally {
    clearTimeout(timer)
    client.off('error', onError)
    client.release(broken)
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

import type { ClientBase, Pool } from 'pg'

/** Anything that a query can be sent to: the pool, or a client inside a transaction. */
export type Queryable = Pick<ClientBase, 'query'>

/**
 * Runs `work` in one transaction and returns what it returns; rolls back when it throws.
 * The client goes back to the pool in every case, and is destroyed when even the rollback failed.
 */
export async function transaction<T>(pool: Pool, work: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => (broken = failure))
    throw error
  } finally {
    client.release(broken)
  }
}

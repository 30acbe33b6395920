import pg, { type PoolClient, type PoolConfig } from 'pg'
import { HaetaeError, messageOf } from '#model/errors.ts'

type Callback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (release?: Error | boolean) => void,
) => void

/**
 * Nothing waits for ever on a PostgreSQL that took the connection and says nothing more, or whose machine is gone: the
 * connection is given up, and with it its place in the pool. The other way round PostgreSQL gives up a transaction of a
 * daemon that is gone, with its locks, long before TCP would notice. Callers that need an answer sooner say so themselves.
 */
export const deadlines = {
  connectionTimeoutMillis: 5_000,
  query_timeout: 20_000,
  idle_in_transaction_session_timeout: 15_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
} satisfies PoolConfig

/**
 * A pool with these deadlines, whose failed connections are errors of the catalogue, so that a person who meets one is told what is wrong and
 * not that Haetae is broken. `where` names the database, `whyDown` what the supervisor knows.
 */
export class NamedPool extends pg.Pool {
  readonly #where: string
  readonly #whyDown: () => string | undefined

  constructor(config: PoolConfig, where: string, whyDown: () => string | undefined) {
    super({ ...deadlines, ...config })
    this.#where = where
    this.#whyDown = whyDown
    // Whoever borrows a connection listens too late for one that breaks in the same breath in which it was made, and
    // some never do: an error that nobody listens to would end the process. Whoever uses it next is told anyway.
    this.on('connect', (client) => client.on('error', () => undefined))
  }

  override connect(): Promise<PoolClient>
  override connect(callback: Callback): void
  override connect(callback?: Callback): Promise<PoolClient> | void {
    if (callback === undefined) {
      return super.connect().catch((error: unknown) => {
        throw this.#named(error)
      })
    }
    super.connect((error, client, done) =>
      callback(error === undefined || error === null ? undefined : this.#named(error), client, done),
    )
  }

  #named(cause: unknown): HaetaeError {
    return new HaetaeError('postgres-unavailable', 'no connection', {
      where: this.#where,
      why: this.#whyDown() ?? messageOf(cause),
      cause,
    })
  }
}

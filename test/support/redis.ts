import { Redis } from 'ioredis'
import { inject } from 'vitest'

/** Where the run's Redis is: a Unix socket for most, a loopback port for what can only do TCP. */
export interface TestRedis {
  socket: string
  host: string
  port: number
}

declare module 'vitest' {
  interface ProvidedContext {
    redis: TestRedis
  }
}

export interface FreshRedis extends AsyncDisposable {
  /** Number of the Redis database that belongs to this test alone. */
  db: number
  /** For ioredis and BullMQ's `connection`. */
  options: { path: string; db: number; maxRetriesPerRequest: null }
  /** redis:// over loopback TCP. */
  url: string
  client: Redis
  /** Empties the database and closes the client; throws when the test left another client connected to it. */
  drop(): Promise<void>
}

/** A Redis database of its own, empty. `await using redis = await freshRedis()` clears it at the end of the block. */
export async function freshRedis(): Promise<FreshRedis> {
  const server = inject('redis')
  const counter = new Redis({ path: server.socket })
  const db = await counter.incr('next-database')
  await counter.quit()
  const options = { path: server.socket, db, maxRetriesPerRequest: null }
  const client = new Redis(options)
  await client.flushdb()
  const drop = () => dropRedis(server, client, db)
  return {
    db,
    options,
    url: `redis://${server.host}:${server.port}/${db}`,
    client,
    drop,
    [Symbol.asyncDispose]: drop,
  }
}

async function dropRedis(server: TestRedis, client: Redis, db: number): Promise<void> {
  if (client.status !== 'end') await client.quit()
  const admin = new Redis({ path: server.socket })
  const deadline = Date.now() + 1000
  try {
    for (;;) {
      const lines = String(await admin.client('LIST')).split('\n')
      const left = lines.filter((line) => line.includes(` db=${db} `))
      if (left.length === 0) break
      if (Date.now() > deadline) {
        throw new Error(`the test left ${left.length} client(s) connected to Redis:\n${left.join('\n')}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  } finally {
    await admin.select(db)
    await admin.flushdb()
    await admin.quit()
  }
}

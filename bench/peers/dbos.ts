import { doneOf, type Work } from '../work.ts'
import type { Peer, PeerPlace } from './peer.ts'
import { packageOf, versionOf } from './packages.ts'

/** As many connections as the daemon has; DBOS's own default is 10. */
const connections = 20

/** What is used of `@dbos-inc/dbos-sdk`, which is installed only for the bench. */
interface Dbos {
  setConfig(config: {
    name: string
    applicationVersion: string
    systemDatabasePool: Pool
    systemDatabaseUrl: string
    logLevel: string
  }): void
  launch(): Promise<void>
  shutdown(): Promise<void>
  registerWorkflow<Args extends unknown[]>(
    workflow: (...args: Args) => Promise<void>,
    config: { name: string },
  ): (...args: Args) => Promise<void>
  runStep(step: () => Promise<void>, config: { name: string }): Promise<void>
}

/** What is used of `pg`. */
interface Pool {
  readonly idleCount: number
  connect(): Promise<{ query: Pool['query']; release(): void }>
  query<Row>(text: string): Promise<{ rows: Row[] }>
  on(event: 'error', listener: () => void): void
  end(): Promise<void>
}

interface Pg {
  default: { Pool: new (config: { connectionString: string; max: number }) => Pool }
}

export async function openDbos({ postgres }: PeerPlace): Promise<Peer> {
  const { DBOS } = await packageOf<{ DBOS: Dbos }>('@dbos-inc/dbos-sdk')
  const { default: pg } = await packageOf<Pg>('pg')
  // The host of the address is not used: a folder in `host` is that of the Unix socket.
  const url = (database: string) =>
    `postgresql://haetae@localhost/${database}?host=${encodeURIComponent(postgres)}`
  await createDatabase(new pg.Pool({ connectionString: url('haetae'), max: 1 }))
  const pool = new pg.Pool({ connectionString: url('dbos'), max: connections })
  pool.on('error', () => {})
  let moments: number[] = []
  const step = async () => {
    moments.push(performance.now())
  }
  const durableStep = () => DBOS.runStep(step, { name: 'step' })
  const workflows = {
    chain: DBOS.registerWorkflow(
      async (steps: number) => {
        for (let index = 0; index < steps; index++) await durableStep()
      },
      { name: 'chain' },
    ),
    parallel: DBOS.registerWorkflow(
      async (steps: number) => {
        const outcomes = await Promise.allSettled(Array.from({ length: steps }, durableStep))
        if (outcomes.some(({ status }) => status === 'rejected')) throw new Error('a step failed')
      },
      { name: 'parallel' },
    ),
  }
  DBOS.setConfig({
    name: 'bench',
    applicationVersion: '1',
    systemDatabaseUrl: url('dbos'),
    systemDatabasePool: pool,
    logLevel: 'error',
  })
  await DBOS.launch()
  return {
    facts: {
      versions: { '@dbos-inc/dbos-sdk': versionOf('@dbos-inc/dbos-sdk') },
      durability: 'on the same PostgreSQL: a step’s outcome is kept when its transaction is committed',
      settings: `${connections} connections, as many as Haetae (its default is 10)`,
      graphs: 'steps of one workflow, all begun at once, and Promise.allSettled over them',
      storePid: null,
    },
    async run({ runs, steps, order }: Work) {
      // Called as a function: DBOS takes what stands before a dot for an instance.
      const workflow = workflows[order]
      moments = []
      const began = performance.now()
      await Promise.all(Array.from({ length: runs }, () => workflow(steps)))
      return doneOf(began, moments, performance.now())
    },
    async syncs() {
      await countsHandedOver(pool)
      const { rows } = await pool.query<{ wal_sync: string }>('SELECT wal_sync FROM pg_stat_wal')
      return Number(rows[0]?.wal_sync)
    },
    async stop() {
      await DBOS.shutdown()
      await pool.end()
    },
  }
}

async function createDatabase(pool: Pool): Promise<void> {
  await pool.query('CREATE DATABASE dbos')
  await pool.end()
}

/** Connections keep their counts to themselves for a while. One stays with DBOS, which listens on it. */
async function countsHandedOver(pool: Pool): Promise<void> {
  const clients = await Promise.all(Array.from({ length: pool.idleCount }, () => pool.connect()))
  await Promise.all(clients.map((client) => client.query('SELECT pg_stat_force_next_flush()')))
  for (const client of clients) client.release()
}

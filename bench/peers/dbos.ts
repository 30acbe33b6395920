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
  default: { Pool: new (config: { host: string; user: string; database: string; max: number }) => Pool }
}

const facts = {
  durability: 'on the same PostgreSQL: a step’s outcome is kept when its transaction is committed',
  settings: `${connections} connections, as many as Haetae (its default is 10)`,
  graphs: 'steps of one workflow, all begun at once, and Promise.allSettled over them',
  storePid: null,
}

/** On the PostgreSQL that all share, in a database of its own; the steps run in this process. */
export async function openDbos({ postgres }: PeerPlace): Promise<Peer> {
  const { DBOS } = await packageOf<{ DBOS: Dbos }>('@dbos-inc/dbos-sdk')
  const poolOf = await databaseOn(postgres)
  const { workflows, moments } = register(DBOS)
  const stop = async (pool: Pool) => {
    await DBOS.shutdown()
    await pool.end()
  }
  // The first launch makes the schema, on connections that end with it: DBOS keeps one, whose counts would come late.
  await stop(await launch(DBOS, poolOf()))
  const pool = await launch(DBOS, poolOf())
  return {
    facts: { ...facts, versions: { '@dbos-inc/dbos-sdk': versionOf('@dbos-inc/dbos-sdk') } },
    async run({ runs, steps, order }: Work) {
      // Called as a function: DBOS takes what stands before a dot for an instance.
      const workflow = workflows[order]
      moments.length = 0
      const began = performance.now()
      await Promise.all(Array.from({ length: runs }, () => workflow(steps)))
      return doneOf(began, moments, performance.now())
    },
    async syncs() {
      await countsHandedOver(pool)
      const { rows } = await pool.query<{ wal_sync: string }>('SELECT wal_sync FROM pg_stat_wal')
      return Number(rows[0]?.wal_sync)
    },
    stop: () => stop(pool),
  }
}

/** Makes the database; returns what makes a pool of connections to it. */
async function databaseOn(postgres: string): Promise<() => Pool> {
  const { default: pg } = await packageOf<Pg>('pg')
  const open = (database: string, max: number) => {
    const pool = new pg.Pool({ host: postgres, user: 'haetae', database, max })
    pool.on('error', () => {})
    return pool
  }
  const first = open('haetae', 1)
  await first.query('CREATE DATABASE dbos')
  await first.end()
  return () => open('dbos', connections)
}

function register(DBOS: Dbos) {
  const moments: number[] = []
  const step = async () => {
    moments.push(performance.now())
  }
  const durableStep = () => DBOS.runStep(step, { name: 'step' })
  const chain = async (steps: number) => {
    for (let index = 0; index < steps; index++) await durableStep()
  }
  const parallel = async (steps: number) => {
    const outcomes = await Promise.allSettled(Array.from({ length: steps }, durableStep))
    if (outcomes.some(({ status }) => status === 'rejected')) throw new Error('a step failed')
  }
  const workflows = {
    chain: DBOS.registerWorkflow(chain, { name: 'chain' }),
    parallel: DBOS.registerWorkflow(parallel, { name: 'parallel' }),
  }
  return { workflows, moments }
}

async function launch(DBOS: Dbos, pool: Pool): Promise<Pool> {
  DBOS.setConfig({
    ...{ name: 'bench', applicationVersion: '1', logLevel: 'error' },
    // The pool is what is used.
    ...{ systemDatabasePool: pool, systemDatabaseUrl: 'postgresql://haetae@localhost/dbos' },
  })
  await DBOS.launch()
  return pool
}

/** Connections keep their counts to themselves for a while. One stays with DBOS, which listens on it. */
async function countsHandedOver(pool: Pool): Promise<void> {
  const clients = await Promise.all(Array.from({ length: pool.idleCount }, () => pool.connect()))
  await Promise.all(clients.map((client) => client.query('SELECT pg_stat_force_next_flush()')))
  for (const client of clients) client.release()
}

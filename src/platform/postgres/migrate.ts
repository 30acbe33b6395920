import { Kysely, PostgresDialect, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { Pool } from 'pg'

/** One additive change of the schema. Names sort in the order of application: `010-ledger`, `020-engine`, … */
export interface SchemaChange {
  name: string
  sql: string
}

/**
 * Brings a database up to the given changes, in the order of their names; what is applied already is left alone.
 * Two daemons that start at once are serialised by kysely's own lock. Throws what PostgreSQL said, with the name
 * of the change that failed.
 */
export async function migrate(pool: Pool, changes: readonly SchemaChange[]): Promise<void> {
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  const migrations = Object.fromEntries(
    changes.map((change) => [
      change.name,
      {
        async up(trx: Kysely<unknown>) {
          await sql.raw(change.sql).execute(trx)
        },
      },
    ]),
  )
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    // Each room numbers its own: a change of one may come after those of another were applied.
    allowUnorderedMigrations: true,
  })
  const { error, results } = await migrator.migrateToLatest()
  if (error !== undefined) {
    const failed = results?.find((result) => result.status === 'Error')
    throw new Error(`schema change ${failed?.migrationName ?? '(none)'} failed`, { cause: error })
  }
}

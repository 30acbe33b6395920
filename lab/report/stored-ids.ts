import { readFile } from 'node:fs/promises'
import { messageOf } from '#model/errors.ts'
import { run } from '../command.ts'
import type { Instance, SiteId } from '../instance.ts'
import { inPlace } from '../place.ts'
import { labAuthorityAt } from '../site/prepare.ts'
import { appPasswordsFile } from '../systems/credentials.ts'
import type { LabSystem } from '../systems/lab-system.ts'
import type { StoredIds } from './citizens-view.ts'

/**
 * The ids of all transactions in the database that serves a system at `site`, asked by SQL as the lab, not through
 * Haetae and not through the web service.
 */
export async function storedIds(instance: Instance, system: LabSystem, site: SiteId): Promise<StoredIds> {
  if (system.database === null) return { why: 'it keeps no data' }
  const query = "SELECT 'primary' WHERE NOT pg_is_in_recovery() UNION ALL SELECT id FROM transactions"
  try {
    const ids = new Set(await askDatabase(instance, system, site, query))
    if (!ids.delete('primary')) return { why: `the database at ${site} is not a primary` }
    return ids
  } catch (error) {
    return { why: messageOf(error) }
  }
}

/**
 * Runs one query in a system's database at a site, as its web service would, and returns the rows as psql prints
 * them unaligned. Throws `lab-command-failed`, `lab-not-up`.
 */
export async function askDatabase(
  instance: Instance,
  system: LabSystem,
  site: SiteId,
  query: string,
): Promise<string[]> {
  const { database } = system
  if (database === null) throw new Error(`${system.id} has no database`)
  const passwords = JSON.parse(await readFile(appPasswordsFile(instance), 'utf8')) as Record<string, string>
  const address = [
    `host=${database.addresses[site]} dbname=${database.name} user=app connect_timeout=5`,
    `sslmode=verify-full sslrootcert=${labAuthorityAt(instance, site).cert}`,
  ].join(' ')
  const psql = ['psql', '--no-psqlrc', '-At', '-v', 'ON_ERROR_STOP=1', '-c', query, address]
  const output = await run([...(await inPlace(instance, site)), ...psql], {
    env: { PGPASSWORD: passwords[system.id] ?? '' },
  })
  return output.split('\n').filter((line) => line !== '')
}

import type { FindingStore } from '#finding/store.ts'
import { messageOf } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import { createLane } from '#plan/lane.ts'
import type { DatabaseReader, Query } from '#platform/database/types.ts'
import { databaseReader } from '#platform/database/client.ts'
import type { Log } from '#platform/log.ts'
import { within } from '#platform/no-answer.ts'
import type { Catalogue } from './catalogue.ts'
import type { Config } from './config.ts'

/** A database in which looks are made as a role that may do more than look. */
export const readerRule = 'reader-may-write'

/*
 * What the role could change, by itself or as a role that it may become. What PostgreSQL lets everybody do is not in it;
 * a function that it kept for superusers and that was granted since is, and one that runs as its owner.
 */
const question = `
WITH own AS (SELECT rolsuper FROM pg_roles WHERE rolname = session_user),
me AS (
  SELECT r.* FROM pg_roles r, own
  WHERE rolname = session_user OR NOT own.rolsuper AND pg_has_role(session_user, r.oid, 'MEMBER')),
mere AS (SELECT * FROM me WHERE NOT rolsuper),
place AS (
  SELECT oid, nspname FROM pg_namespace WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_t'),
found AS (
  SELECT 1 AS rank, attribute AS what FROM me, LATERAL (VALUES
    ('SUPERUSER', rolsuper), ('CREATEROLE', rolcreaterole), ('CREATEDB', rolcreatedb), ('REPLICATION', rolreplication)
  ) AS one (attribute, has) WHERE has
  UNION SELECT 2, 'member of ' || rolname FROM me WHERE rolname ~ '^pg_' AND rolname NOT IN
    ('pg_monitor', 'pg_read_all_settings', 'pg_read_all_stats', 'pg_stat_scan_tables', 'pg_read_all_data')
  UNION SELECT 3, 'EXECUTE ' || p.oid::regprocedure FROM mere, pg_init_privs i JOIN pg_proc p ON p.oid = i.objoid
    WHERE i.classoid = 'pg_proc'::regclass AND has_function_privilege(mere.oid, p.oid, 'EXECUTE')
      AND NOT EXISTS (SELECT FROM aclexplode(i.initprivs) WHERE grantee = 0 OR grantee IN (SELECT oid FROM mere))
  UNION SELECT 4, format('EXECUTE %I.%I (SECURITY DEFINER)', nspname, proname)
    FROM mere, pg_proc p JOIN place ON place.oid = p.pronamespace
    WHERE p.prosecdef AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
      AND (nspname, proname) <> ('haetae', 'paused_until') AND p.proowner NOT IN (SELECT oid FROM mere)
      AND has_function_privilege(mere.oid, p.oid, 'EXECUTE') AND has_schema_privilege(mere.oid, place.oid, 'USAGE')
  UNION SELECT 5, format('write %I.%I', nspname, relname) FROM mere, pg_class c JOIN place ON place.oid = c.relnamespace
    WHERE CASE WHEN relkind IN ('r', 'p', 'v', 'f')
      THEN has_table_privilege(mere.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
        OR has_any_column_privilege(mere.oid, c.oid, 'INSERT, UPDATE')
      WHEN relkind = 'S' THEN has_sequence_privilege(mere.oid, c.oid, 'USAGE, UPDATE') ELSE false END
  UNION SELECT 6, 'CREATE in ' || nspname FROM mere, place WHERE has_schema_privilege(mere.oid, place.oid, 'CREATE')
  UNION SELECT 7, 'CREATE in the database' FROM mere
    WHERE has_database_privilege(mere.oid, current_database(), 'CREATE'))
SELECT what FROM found ORDER BY rank, what LIMIT 50`

/** What the role that asks could change in this database; nothing of a reader as manifests/postgres makes it. */
export async function excessRights(query: Query): Promise<string[]> {
  return (await query(question)).map(({ what }) => String(what))
}

interface Needs {
  config: Config
  catalogue: Pick<Catalogue, 'estate'>
  clock: Clock
  log: Log
  findings: FindingStore
}

const everyMs = 5 * 60_000

/** Looks at the reader's rights in this site's databases, at once and now and then, until the signal aborts. */
export async function watchReaderRights(needs: Needs, signal: AbortSignal): Promise<void> {
  const { clock, config, log } = needs
  if (config.databases === undefined) return
  const reader = databaseReader({ ...config.databases, applicationName: 'haetae-rights' })
  while (!signal.aborted) {
    await checkReaderRights({ ...needs, reader, user: config.databases.reader.user }, signal).catch(
      (error: unknown) => log.warn({ why: messageOf(error) }, 'rights of the reader wait for PostgreSQL'),
    )
    await clock.sleep(everyMs, signal).catch(() => undefined)
  }
}

/** One look at each. A database that does not answer leaves its finding as it is. Throws what the findings' store throws. */
export async function checkReaderRights(
  { config, catalogue, clock, log, findings, reader, user }: Needs & { reader: DatabaseReader; user: string },
  signal: AbortSignal,
): Promise<void> {
  const actor = `reader's rights at ${config.site}`
  const known = await findings.list({ rule: readerRule, states: ['open', 'accepted'], limit: 10_000 })
  const open = new Set(known.map(({ subject }) => subject))
  const lane = createLane(4)
  const look = async (system: string, address: Parameters<DatabaseReader['read']>[0]): Promise<void> => {
    const rights = await reader.read(address, within(5_000, signal), excessRights).catch((error: unknown) => {
      log.debug({ system, why: messageOf(error) }, 'the rights of the reader could not be looked at')
    })
    if (rights === undefined) return
    const now = instant(clock.now())
    if (rights.length > 0) {
      if (!open.has(system)) log.warn({ system, user, rights }, 'the role that looks may do more than look')
      await findings.report({ ...findingOf(system, user, rights), since: now }, actor)
    } else if (open.has(system)) await findings.close(readerRule, system, now, actor, 'no longer seen')
  }
  const looks = catalogue.estate.systems.flatMap(({ id, components }) => {
    const endpoint = components?.database?.endpoints[config.site]
    if (components?.database === undefined || endpoint === undefined) return []
    const address = { ...endpoint, database: components.database.name }
    return [lane(() => look(id, address))]
  })
  await Promise.all(looks)
}

function findingOf(system: string, user: string, rights: readonly string[]) {
  const told = rights.slice(0, 5).join(', ')
  const more = rights.length - 5
  return {
    rule: readerRule,
    subject: system,
    severity: 'warning' as const,
    message: {
      en: `planning signs in to the database of ${system} as ${user}, which may do more than look: ${told}${more > 0 ? ` and ${more} more` : ''}`,
      ko: `계획이 ${system} 데이터베이스에 쓰는 역할 ${user}에 조회 이상의 권한이 있음: ${told}${more > 0 ? ` 외 ${more}건` : ''}`,
    },
    facts: { user, rights },
  }
}

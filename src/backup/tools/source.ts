import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HaetaeError } from '#model/errors.ts'
import { folderOfPrograms } from '#platform/supervise/launch.ts'
import type { Source } from '../backup.ts'

/** How this site signs in to the databases that it copies. */
export interface ReplicationAccess {
  user: string
  passwordFile: string
  /** Authority behind the databases' certificates; without it the connection is not encrypted (loopback only). */
  caFile: string | undefined
  binDir?: string | undefined
}

const programs = ['pg_basebackup', 'pg_verifybackup', 'pg_receivewal'] as const

/** The path of one of PostgreSQL's own tools. Throws `backup-tool-missing`. */
export function toolPath(name: (typeof programs)[number], access: ReplicationAccess): string {
  const folder = folderOfPrograms(programs, access.binDir)
  if (folder !== undefined) return join(folder, name)
  throw new HaetaeError('backup-tool-missing', name, {
    where: access.binDir ?? 'PATH and /usr/lib/postgresql',
    why: `no folder holds ${programs.join(', ')}`,
  })
}

/**
 * A connection string of libpq without the password. A source that drops packets is given up within about ten
 * seconds instead of the kernel's fifteen minutes.
 */
export function connectionString(source: Source, access: ReplicationAccess, application: string): string {
  const settings = {
    host: source.host,
    port: String(source.port),
    user: access.user,
    application_name: application,
    connect_timeout: '5',
    keepalives_idle: '5',
    keepalives_interval: '2',
    keepalives_count: '3',
    tcp_user_timeout: '10000',
    ...(access.caFile === undefined
      ? { sslmode: 'disable' }
      : { sslmode: 'verify-full', sslrootcert: access.caFile }),
  }
  return Object.entries(settings)
    .map(([key, value]) => `${key}='${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`)
    .join(' ')
}

/** The password goes by the environment, which only root and the same user can read; it is read anew each time. */
export function passwordEnvironment(access: ReplicationAccess): Record<string, string> {
  return { PGPASSWORD: readFileSync(access.passwordFile, 'utf8').trim() }
}

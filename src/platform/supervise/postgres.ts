import { spawn } from 'node:child_process'
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { HaetaeError } from '#model/errors.ts'
import { folderOfPrograms, identityOf, launchApart, tailOf, type Identity } from './launch.ts'
import { processFacts, processesIn, type ProcessFacts } from './process-table.ts'
import type { Program } from './supervise.ts'

export interface OwnPostgresOptions {
  /** Holds the cluster and the Unix socket; made when it is not there. */
  folder: string
  binDir?: string | undefined
}

const user = 'haetae'
const database = 'haetae'
const maxSocketPath = 107

/** How a pool reaches the supervised PostgreSQL. */
export function ownPostgresConnection(folder: string): pg.PoolConfig {
  return { host: folder, user, database }
}

/**
 * A PostgreSQL of the daemon's own. It is reached by a Unix socket inside its data folder only, which nobody but
 * its user and root can enter; it runs as user `postgres` when the daemon is root, because it refuses root.
 */
export function ownPostgres(options: OwnPostgresOptions): Program {
  const { folder } = options
  const log = join(folder, 'server.log')
  const identity = identityOf('postgres')
  return {
    name: 'PostgreSQL',
    stopSignal: 'SIGINT',
    async prepare() {
      const programs = programsIn(options)
      if (!existsSync(join(folder, 'PG_VERSION'))) await initialise(programs, folder, identity)
      writeSettings(folder, identity)
    },
    find: () => findPostmaster(folder),
    async start() {
      await orphansGone(folder)
      forgetStaleLocks(folder)
      return launchApart({
        program: join(programsIn(options), 'postgres'),
        args: ['-D', folder],
        folder,
        log,
        identity,
      })
    },
    ask: (signal) => ask(folder, signal, log),
  }
}

function programsIn(options: OwnPostgresOptions): string {
  const needed = ['postgres', 'initdb'] as const
  const found = folderOfPrograms(needed, options.binDir)
  if (found !== undefined) return found
  throw new HaetaeError('postgres-missing', needed.join(' and '), {
    where: options.binDir ?? 'PATH and /usr/lib/postgresql',
    why: 'no folder holds both programs',
  })
}

/** Made beside and renamed: a daemon killed in the middle leaves no half cluster that looks like one. */
async function initialise(programs: string, folder: string, identity: Identity | undefined): Promise<void> {
  const draft = `${folder}.new`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true, mode: 0o700 })
  if (identity !== undefined) chownSync(draft, identity.uid, identity.gid)
  await runInitdb(programs, draft, identity)
  if (existsSync(folder)) rmdirSync(folder)
  renameSync(draft, folder)
}

async function runInitdb(programs: string, folder: string, identity: Identity | undefined): Promise<void> {
  const args = ['-D', folder, '-U', user, '-E', 'UTF8', '--locale=C.UTF-8', '-k']
  const auth = ['--auth-local=trust', '--auth-host=reject']
  const child = spawn(join(programs, 'initdb'), [...args, ...auth], {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(identity ?? {}),
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail)
    child.once('close', done)
  })
  if (code === 0) return
  throw new HaetaeError('postgres-unavailable', 'its data folder could not be made', {
    where: folder,
    why: said.trim().split('\n').slice(-3).join(' | '),
  })
}

/** Written at every start, so that a newer Haetae can change them; people's own settings go to a file beside it. */
function writeSettings(folder: string, identity: Identity | undefined): void {
  const socket = join(folder, '.s.PGSQL.5432')
  if (socket.length > maxSocketPath) {
    throw new HaetaeError('postgres-unavailable', 'the path of its socket is too long', {
      where: socket,
      why: `a Unix socket's path has at most ${maxSocketPath} characters, this one ${socket.length}`,
      remedy: 'Choose a shorter dataDir.',
    })
  }
  const settings = {
    listen_addresses: '',
    unix_socket_directories: folder,
    unix_socket_permissions: '0700',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    max_connections: '60',
    shared_buffers: '32MB',
    min_wal_size: '32MB',
    max_wal_size: '256MB',
    wal_level: 'replica',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_min_messages: 'warning',
    idle_in_transaction_session_timeout: '60s',
    dynamic_shared_memory_type: 'mmap',
    jit: 'off',
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key} = '${value.replaceAll("'", "''")}'`)
  const path = join(folder, 'postgresql.conf')
  writeFileSync(path, `# Written by the daemon.\n${lines.join('\n')}\ninclude_if_exists = 'site.conf'\n`)
  if (identity !== undefined) chownSync(path, identity.uid, identity.gid)
}

/** The postmaster of this very data folder, when postmaster.pid and /proc agree. */
function findPostmaster(folder: string): ProcessFacts | undefined {
  const facts = recordedPostmaster(folder)
  return facts?.folder === realpathOf(folder) && facts?.name === 'postgres' ? facts : undefined
}

function recordedPostmaster(folder: string): ProcessFacts | undefined {
  try {
    const pid = Number(readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')[0])
    return Number.isInteger(pid) && pid > 0 ? processFacts(pid) : undefined
  } catch {
    return undefined
  }
}

function realpathOf(folder: string): string | undefined {
  try {
    return realpathSync(folder)
  } catch {
    return undefined
  }
}

/**
 * After a power loss the locks of folder and socket may name a pid that is another program's now, and right after a
 * kill one that is not collected yet: PostgreSQL would then refuse to start.
 */
function forgetStaleLocks(folder: string): void {
  if (findPostmaster(folder) !== undefined) return
  for (const name of ['postmaster.pid', '.s.PGSQL.5432.lock']) rmSync(join(folder, name), { force: true })
}

/**
 * Backends of a killed postmaster end by themselves within moments. What does not is a living server that we cannot
 * address, of another PID namespace, say: PostgreSQL's own interlock does not reach there, and two servers on one
 * folder ruin it. Throws then.
 */
async function orphansGone(folder: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (processesIn(folder).every((facts) => facts.name !== 'postgres')) return
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error(`another PostgreSQL works in ${folder}, and is not ours to adopt`)
}

async function ask(folder: string, signal: AbortSignal, log: string): Promise<void> {
  const client = new pg.Client({ host: folder, user, database: 'postgres', connectionTimeoutMillis: 1_500 })
  client.on('error', () => undefined)
  try {
    signal.throwIfAborted()
    await client.connect()
    const shown = await client.query<{ data_directory: string }>('SHOW data_directory')
    if (realpathOf(shown.rows[0]?.data_directory ?? '') !== realpathOf(folder)) {
      throw new Error(`another PostgreSQL answers in ${folder}`)
    }
    const known = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database])
    if (known.rowCount === 0) await client.query(`CREATE DATABASE ${database}`)
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)} (${tailOf(log)})`, {
      cause: error,
    })
  } finally {
    await client.end().catch(() => undefined)
  }
}

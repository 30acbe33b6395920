import { chownSync, existsSync, mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { HaetaeError } from '#model/errors.ts'
import { findProgram, identityOf, launchApart, tailOf } from './launch.ts'
import { processesIn, type ProcessFacts } from './process-table.ts'
import type { Program } from './supervise.ts'

export interface OwnRedisOptions {
  /** Holds its files and the Unix socket; made when it is not there. */
  folder: string
  binary?: string | undefined
}

/** The Unix socket of the supervised Redis. */
export function ownRedisSocket(folder: string): string {
  return join(folder, 'redis.sock')
}

/** A redis-server of the daemon's own: reached by a Unix socket only, every write kept (appendonly). */
export function ownRedis(options: OwnRedisOptions): Program {
  const { folder } = options
  const log = join(folder, 'server.log')
  const identity = identityOf('redis')
  return {
    name: 'Redis',
    stopSignal: 'SIGTERM',
    async prepare() {
      binaryOf(options)
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      if (identity !== undefined) chownSync(folder, identity.uid, identity.gid)
    },
    find: () => findServer(folder),
    start: () => launchApart({ program: binaryOf(options), args: args(folder), folder, log, identity }),
    ask: (signal) => ask(folder, signal, log),
  }
}

function binaryOf(options: OwnRedisOptions): string {
  const found = findProgram('redis-server', options.binary)
  if (found !== undefined) return found
  throw new HaetaeError('redis-missing', 'redis-server', {
    where: options.binary ?? 'PATH',
    why: 'no such program can be run',
  })
}

function args(folder: string): string[] {
  return [
    ...['--port', '0', '--unixsocket', ownRedisSocket(folder), '--unixsocketperm', '700'],
    ...['--dir', folder, '--daemonize', 'no'],
    ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
    ...['--maxmemory-policy', 'noeviction', '--databases', '1'],
  ]
}

/**
 * The server that works in this very folder. Looked up in /proc and not by a pid file, which is written late:
 * two servers on one append-only file would ruin it.
 */
function findServer(folder: string): ProcessFacts | undefined {
  if (!existsSync(folder)) return undefined
  return processesIn(folder).find((facts) => facts.name.startsWith('redis-server'))
}

/** One PING by hand: the client library would keep a connection and retry by its own rules. */
function ask(folder: string, signal: AbortSignal, log: string): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect({ path: ownRedisSocket(folder), signal })
    const refuse = (why: string): void => fail(new Error(`${why} (${tailOf(log)})`))
    socket.once('error', (error) => refuse(error.message))
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (answer) => {
      socket.destroy()
      if (answer.toString().startsWith('+PONG')) done()
      else refuse(answer.toString().trim())
    })
  })
}

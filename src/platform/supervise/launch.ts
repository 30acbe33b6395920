import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, closeSync, constants, openSync, readFileSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { processFacts, type ProcessFacts } from './process-table.ts'

/** User and group that a program runs as; undefined: the daemon's own. */
export interface Identity {
  uid: number
  gid: number
}

/** The identity of a user of this machine, when there is one and we may become it (we are root). */
export function identityOf(user: string): Identity | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${user}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}

/** The first folder that holds all the programs: the given one, PATH's, or Debian's PostgreSQL folders (newest first). */
export function folderOfPrograms(names: readonly string[], given?: string): string | undefined {
  const candidates = given === undefined ? [...debianFolders(), ...pathFolders()] : [given]
  return candidates.find((folder) => names.every((name) => isExecutable(join(folder, name))))
}

/** The path of one program: the given one or the first of PATH. */
export function findProgram(name: string, given?: string): string | undefined {
  const candidates = given === undefined ? pathFolders().map((folder) => join(folder, name)) : [given]
  return candidates.find(isExecutable)
}

function pathFolders(): string[] {
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/bin'].filter(
    (folder) => folder !== '',
  )
}

function debianFolders(): string[] {
  try {
    return readdirSync('/usr/lib/postgresql')
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join('/usr/lib/postgresql', version, 'bin'))
  } catch {
    return []
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export interface Launch {
  program: string
  args: readonly string[]
  folder: string
  /** Its standard output and error are appended here. */
  log: string
  identity?: Identity | undefined
  environment?: NodeJS.ProcessEnv
}

/**
 * Starts a program in a session of its own, with no tie to this process: it goes on when this one is killed.
 * Resolves once it runs; rejects when it cannot be started.
 */
export async function launchApart(launch: Launch): Promise<ProcessFacts> {
  const log = openSync(launch.log, 'a', 0o640)
  try {
    const child = spawn(launch.program, launch.args, {
      cwd: launch.folder,
      detached: true,
      stdio: ['ignore', log, log],
      env: launch.environment ?? { PATH: process.env['PATH'], LANG: 'C.UTF-8', TZ: 'UTC' },
      ...(launch.identity ?? {}),
    })
    await spawned(child)
    child.unref()
    const facts = child.pid === undefined ? undefined : processFacts(child.pid)
    if (facts === undefined) throw new Error(`${launch.program} ended at once; see ${launch.log}`)
    return facts
  } finally {
    closeSync(log)
  }
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    child.once('spawn', done)
    child.once('error', fail)
  })
}

/** The last lines of a program's log: the why of a failed start. */
export function tailOf(log: string, lines = 3): string {
  try {
    return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-lines).join(' | ')
  } catch {
    return ''
  }
}

import { createHash } from 'node:crypto'
import { realpathSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { HaetaeError } from '#model/errors.ts'

/** Who holds a name: the process and since when (ISO 8601, UTC). */
export interface Holder {
  pid: number
  since: string
}

export type Release = () => Promise<void>

/**
 * Holds a name for as long as this process lives, or until the returned function is called.
 *
 * The hold is a listening abstract Unix socket: the kernel ends it with the process, however that dies, and
 * children do not inherit it (Node opens sockets close-on-exec). So no stale lock file can exist.
 * Its reach is one network namespace: two processes in different ones do not see each other's holds.
 * It does not keep the process alive.
 *
 * @param name what is held, for example `data folder /var/lib/haetae/x/daejeon/daemon`; shown in the refusal.
 * @throws HaetaeError `already-held` when another process (or this one) holds the name, with its pid and since.
 */
export async function hold(name: string): Promise<Release> {
  return listening(name, socketOf(name))
}

/**
 * Holds a folder, also against processes of other network namespaces (containers): beside the abstract socket, which
 * decides between two that start at once, a socket lies in the folder itself, and a socket file is seen wherever the
 * folder is. The file of a killed holder answers nobody and is replaced.
 *
 * @throws HaetaeError `already-held`, as `hold` does.
 */
export async function holdFolder(folder: string): Promise<Release> {
  const name = `data folder ${realpathSync(folder)}`
  const release = await hold(name)
  try {
    const file = join(folder, 'hold.sock')
    const other = await answerOf(file)
    if (other.held) throw alreadyHeld(name, other.holder)
    rmSync(file, { force: true })
    const releaseFile = await listening(name, file)
    return async () => {
      await releaseFile()
      await release()
    }
  } catch (error) {
    await release()
    throw error
  }
}

async function listening(name: string, path: string): Promise<Release> {
  const holder: Holder = { pid: process.pid, since: new Date().toISOString() }
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.end(JSON.stringify(holder))
  })
  try {
    await listen(server, path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    throw alreadyHeld(name, (await answerOf(path)).holder, cause)
  }
  server.unref()
  return () =>
    new Promise<void>((done) => {
      server.close(() => done())
    })
}

function alreadyHeld(name: string, other: Holder | undefined, cause?: unknown): HaetaeError {
  return new HaetaeError('already-held', name, {
    why:
      other === undefined ? 'another process holds it' : `process ${other.pid} holds it since ${other.since}`,
    facts: { name, ...(other === undefined ? {} : { holder: other }) },
    cause,
  })
}

/** Who holds the name now, or undefined when nobody does (or the holder does not answer within a second). */
export async function holderOf(name: string): Promise<Holder | undefined> {
  return (await answerOf(socketOf(name))).holder
}

/** Whether anybody listens on a socket, and who that is; the holder is undefined when it says nothing of itself. */
function answerOf(path: string): Promise<{ held: boolean; holder: Holder | undefined }> {
  return new Promise((done) => {
    let text = ''
    let held = false
    const socket = connect({ path })
    const finish = (holder: Holder | undefined): void => {
      socket.destroy()
      done({ held, holder })
    }
    socket.setTimeout(1000, () => finish(undefined))
    socket.on('connect', () => (held = true))
    socket.on('error', () => finish(undefined))
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.on('end', () => finish(parse(text)))
  })
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder>
    if (typeof value.pid === 'number' && typeof value.since === 'string') return value as Holder
  } catch {
    // Not ours, or cut off: the name is held, but by whom is unknown.
  }
  return undefined
}

/** Abstract names are limited to 107 bytes, so the name's digest stands for it. */
function socketOf(name: string): string {
  return `\0haetae-${createHash('sha256').update(name).digest('hex').slice(0, 40)}`
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail)
    server.listen({ path }, () => {
      server.off('error', fail)
      done()
    })
  })
}

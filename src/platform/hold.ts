import { createHash } from 'node:crypto'
import { connect, createServer, type Server } from 'node:net'
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
  const holder: Holder = { pid: process.pid, since: new Date().toISOString() }
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.end(JSON.stringify(holder))
  })
  try {
    await listen(server, socketOf(name))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    const other = await holderOf(name)
    throw new HaetaeError('already-held', name, {
      why:
        other === undefined
          ? 'another process holds it'
          : `process ${other.pid} holds it since ${other.since}`,
      facts: { name, ...(other === undefined ? {} : { holder: other }) },
      cause,
    })
  }
  server.unref()
  return () =>
    new Promise<void>((done) => {
      server.close(() => done())
    })
}

/** Who holds the name now, or undefined when nobody does (or the holder does not answer within a second). */
export function holderOf(name: string): Promise<Holder | undefined> {
  return new Promise((done) => {
    let text = ''
    const socket = connect({ path: socketOf(name) })
    const finish = (holder: Holder | undefined): void => {
      socket.destroy()
      done(holder)
    }
    socket.setTimeout(1000, () => finish(undefined))
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

import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export interface ServerProcess {
  child: ChildProcess
  /** What it wrote to stdout and stderr so far. */
  output(): string
  /** Sends `signal`, waits, and kills after `graceMs`; resolves when the process is gone. */
  stop(signal: NodeJS.Signals, graceMs?: number): Promise<void>
}

/**
 * Starts a server that the kernel ends when this process dies, however it dies (PR_SET_PDEATHSIG by setpriv):
 * a test run ended by kill -9 leaves no PostgreSQL behind.
 */
export function startServer(
  command: string,
  args: readonly string[],
  options: { uid?: number; gid?: number; deathSignal: 'INT' | 'TERM' | 'KILL' },
): ServerProcess {
  const identity =
    options.uid === undefined
      ? []
      : [`--reuid=${options.uid}`, `--regid=${options.gid ?? options.uid}`, '--clear-groups']
  const child = spawn(
    'setpriv',
    [...identity, `--pdeathsig=${options.deathSignal}`, '--', command, ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: '/',
    },
  )
  let text = ''
  const keep = (chunk: Buffer) => (text = (text + chunk.toString()).slice(-20_000))
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.on('error', (error) => (text += `\n${error.message}`))
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    child,
    output: () => text,
    async stop(signal, graceMs = 10_000) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await gone
      clearTimeout(timer)
    },
  }
}

/** Tries `attempt` every 20 ms until it resolves; throws with the server's output when it ended or never answered. */
export async function untilAnswers<T>(
  server: ServerProcess,
  what: string,
  attempt: () => Promise<T>,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const ended = server.child.exitCode !== null || server.child.signalCode !== null
      if (ended || Date.now() > deadline) {
        throw new Error(`${what} does not answer${ended ? ' (it ended)' : ''}:\n${server.output()}`, {
          cause: error,
        })
      }
      await sleep(20)
    }
  }
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return address.port
}

/** Every process whose environment carries `NAME=value`, with its command line. */
export function processesMarked(name: string, value: string): { pid: number; command: string }[] {
  const marker = `${name}=${value}`
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const environment = readFileSync(`/proc/${entry}/environ`, 'utf8').split('\0')
      if (!environment.includes(marker)) return []
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      return [{ pid: Number(entry), command }]
    } catch {
      return [] // It ended while we looked.
    }
  })
}

import { spawn, type ChildProcess } from 'node:child_process'
import { setPriority } from 'node:os'

export interface ChildOptions {
  program: string
  args: readonly string[]
  /** Working folder; also how a child of a killed daemon is found again. */
  folder: string
  environment?: Record<string, string>
  /** Ends the child with SIGTERM, and with SIGKILL when that does not help within `killAfterMs`. */
  signal: AbortSignal
  killAfterMs?: number
  /** Called for each line of standard error. */
  onLine?: (line: string) => void
  /** Niceness: background work must not delay the rest. */
  nice?: number
}

/** How a child ended: its code, or the signal; and the last it said. */
export interface ChildEnd {
  code: number | null
  signal: NodeJS.Signals | null
  said: string
}

/**
 * Runs a program to its end. Resolves however it ends; rejects when it cannot be started.
 * The child does not outlive an orderly stop of its parent; after kill -9 the next start looks for it by its folder.
 */
export function runChild(options: ChildOptions): Promise<ChildEnd> {
  const child = spawn(options.program, options.args, {
    cwd: options.folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], LANG: 'C.UTF-8', TZ: 'UTC', ...options.environment },
  })
  if (child.pid !== undefined) lowerPriority(child.pid, options.nice ?? 10)
  const tail = collectLines(child, options.onLine)
  return new Promise((done, fail) => {
    let killer: NodeJS.Timeout | undefined
    const end = (): void => {
      child.kill('SIGTERM')
      killer = setTimeout(() => child.kill('SIGKILL'), options.killAfterMs ?? 5_000)
    }
    if (options.signal.aborted) end()
    options.signal.addEventListener('abort', end, { once: true })
    const settled = (): void => {
      clearTimeout(killer)
      options.signal.removeEventListener('abort', end)
    }
    child.once('error', (error) => {
      settled()
      fail(error)
    })
    child.once('close', (code, signal) => {
      settled()
      done({ code, signal, said: tail() })
    })
  })
}

function lowerPriority(pid: number, nice: number): void {
  try {
    setPriority(pid, nice)
  } catch {
    // It ended already, or we may not: the work is the same.
  }
}

/** Keeps the last lines of standard error; returns how to read them. */
function collectLines(child: ChildProcess, onLine: ((line: string) => void) | undefined): () => string {
  const last: string[] = []
  let rest = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split(/\r?\n/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      onLine?.(line)
      last.push(line)
      if (last.length > 20) last.shift()
    }
  })
  return () =>
    [...last, rest]
      .filter((line) => line.trim() !== '')
      .slice(-5)
      .join(' | ')
}

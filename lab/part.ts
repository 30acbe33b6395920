import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { lastLines } from './command.ts'

/** One long-running program of a control plane or a site. */
export interface Part {
  name: string
  argv: readonly string[]
  env?: Record<string, string>
  /** Resolves when the part serves; throws why it does not yet. Asked again until it resolves. */
  ready?: () => Promise<unknown>
  /** 60 s when absent. */
  readyWithinMs?: number
}

export interface RunningPart {
  name: string
  pid: number
  logFile: string
  /** How it ended, once it has. */
  ended: Promise<string>
  /** Sends the signal and waits for the end; SIGKILL after five seconds. */
  stop: (signal?: NodeJS.Signals) => Promise<void>
}

/**
 * Starts a part with its output appended to `LOGDIR/NAME.log`; does not wait until it serves.
 * `detached` lets it live on when this process ends.
 */
export async function startPart(part: Part, logDir: string, detached = false): Promise<RunningPart> {
  await mkdir(logDir, { recursive: true })
  const logFile = join(logDir, `${part.name}.log`)
  const [file = '', ...args] = part.argv
  const log = openSync(logFile, 'a')
  try {
    const child = spawn(file, args, {
      stdio: ['ignore', log, log],
      detached,
      env: { ...process.env, ...part.env },
    })
    const ended = new Promise<string>((done) => {
      child.on('error', (error) => done(error.message))
      child.on('exit', (code, signal) =>
        done(signal === null ? `ended with code ${String(code)}` : `ended by ${signal}`),
      )
    })
    if (detached) child.unref()
    const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
      child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
      await ended
      clearTimeout(timer)
    }
    if (child.pid === undefined) throw partFailed(part, logFile, await ended)
    return { name: part.name, pid: child.pid, logFile, ended, stop }
  } finally {
    closeSync(log)
  }
}

/**
 * Waits until a started part serves.
 *
 * @throws HaetaeError `lab-part-failed` when it ends before that or takes too long, with its last log lines.
 */
export async function waitReady(part: Part, running: RunningPart): Promise<void> {
  if (part.ready === undefined) return
  const deadline = Date.now() + (part.readyWithinMs ?? 60_000)
  let end: string | undefined
  void running.ended.then((how) => (end = how))
  for (;;) {
    let why: string
    try {
      await part.ready()
      return
    } catch (error) {
      why = messageOf(error)
    }
    if (end !== undefined) throw partFailed(part, running.logFile, end, await tail(running.logFile))
    if (Date.now() > deadline) {
      throw partFailed(part, running.logFile, `not ready in time: ${why}`, await tail(running.logFile))
    }
    await sleep(50)
  }
}

function partFailed(part: Part, logFile: string, how: string, log = ''): HaetaeError {
  return new HaetaeError('lab-part-failed', `${part.name} ${how}`, {
    where: logFile,
    ...(log === '' ? {} : { why: log }),
    facts: { part: part.name },
  })
}

async function tail(logFile: string): Promise<string> {
  return lastLines(await readFile(logFile, 'utf8').catch(() => ''), 5)
}

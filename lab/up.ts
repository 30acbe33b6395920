import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { HaetaeError } from '#model/errors.ts'
import { holderOf } from '#platform/hold.ts'
import { lastLines } from './command.ts'
import { EVERYTHING, type LabContents } from './contents.ts'
import { CHECKOUT, instanceOf, type Instance } from './instance.ts'
import { checkNeeds } from './needs.ts'
import type { SupervisorMessage } from './supervisor.ts'

/** How far `up` is: what was finished last, and the time since it began. */
export interface Progress {
  label: string
  elapsedMs: number
}

export interface UpOptions {
  instance?: Instance
  /** Everything when absent. */
  contents?: LabContents
  progress?: (progress: Progress) => void
  /** Aborting takes down what there is of the lab, and makes `up` throw. */
  signal?: AbortSignal
}

/** What came up, and in what time. */
export interface LabIsUp {
  instance: string
  root: string
  elapsedMs: number
}

/**
 * Brings a lab up and returns when it serves; the lab stays, held by a process of its own. What a killed lab of the
 * same name left is removed first. When it fails, everything that ran is ended and the logs stay.
 *
 * @throws HaetaeError `lab-needs` (nothing was changed), `already-held` (this lab is up), `lab-part-failed`,
 *   `lab-command-failed`.
 */
export async function up(options: UpOptions = {}): Promise<LabIsUp> {
  const instance = options.instance ?? instanceOf()
  const began = Date.now()
  options.signal?.throwIfAborted()
  checkNeeds()
  await refuseWhenUp(instance)
  const contents = JSON.stringify(options.contents ?? EVERYTHING)
  const supervisor = spawn(
    process.execPath,
    [join(import.meta.dirname, 'supervisor.ts'), instance.name, contents],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true, // Ctrl-C reaches this process, which decides what becomes of the lab
      cwd: CHECKOUT,
    },
  )
  let stderr = ''
  supervisor.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4000)))
  const abandon = (): void => supervisor.disconnect()
  options.signal?.addEventListener('abort', abandon, { once: true })
  try {
    await new Promise<void>((done, fail) => {
      supervisor.on('message', (message: SupervisorMessage) => {
        if (message.kind === 'progress')
          options.progress?.({ label: message.label, elapsedMs: Date.now() - began })
        if (message.kind === 'up') done()
        if (message.kind === 'failed') fail(errorOf(message))
      })
      supervisor.on('error', fail)
      supervisor.on('exit', () => fail(endedEarly(options.signal, stderr)))
    })
  } finally {
    options.signal?.removeEventListener('abort', abandon)
  }
  supervisor.stderr?.destroy()
  supervisor.disconnect()
  supervisor.unref()
  return { instance: instance.name, root: instance.root, elapsedMs: Date.now() - began }
}

async function refuseWhenUp(instance: Instance): Promise<void> {
  const holder = await holderOf(instance.lock)
  if (holder === undefined) return
  throw new HaetaeError('already-held', `the lab ${instance.name}`, {
    why: `process ${holder.pid} holds it since ${holder.since}: it is up, or another command is at work on it`,
    remedy: 'Use it, or take it down first: `haetae lab down`. HAETAE_LAB_INSTANCE names another lab.',
    facts: { holder },
  })
}

function errorOf({ problem }: { problem: HaetaeProblem }): HaetaeError {
  const what = problem.title.slice(problem.title.indexOf(': ') + 2)
  return new HaetaeError(problem.code, what, {
    ...(problem.where === undefined ? {} : { where: problem.where }),
    ...(problem.why === undefined ? {} : { why: problem.why }),
    ...{ remedy: problem.remedy, facts: problem.facts },
  })
}

type HaetaeProblem = ReturnType<HaetaeError['toProblem']>

function endedEarly(signal: AbortSignal | undefined, stderr: string): HaetaeError {
  const why = signal?.aborted === true ? 'it was told to stop; nothing of it is left' : lastLines(stderr, 5)
  return new HaetaeError('lab-command-failed', 'lab up', { why })
}

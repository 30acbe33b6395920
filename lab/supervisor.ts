import { appendFileSync, mkdirSync } from 'node:fs'
import { setInterval } from 'node:timers'
import { HaetaeError, isHaetaeError, messageOf, type Problem } from '#model/errors.ts'
import { hold } from '#platform/hold.ts'
import { bringUp } from './bring-up.ts'
import { clean } from './clean.ts'
import type { LabContents } from './contents.ts'
import { instanceOf } from './instance.ts'

/*
 * The process that holds a lab: it brings the lab up, tells `up` how far it is, and then only stays, so that the
 * instance's lock is held for as long as the lab lives. It ends on SIGTERM and leaves the cleaning to the sender.
 * When `up` goes away before the lab is complete, it takes down what there is.
 */

/** What `up` is told. */
export type SupervisorMessage =
  { kind: 'progress'; label: string } | { kind: 'up' } | { kind: 'failed'; problem: Problem }

const [name, contents] = process.argv.slice(2)
const instance = instanceOf(name)
/** The bringing up has ended, well or not. */
let settled = false
let abandoned = false

function tell(message: SupervisorMessage): void {
  log(JSON.stringify(message))
  if (process.connected) process.send?.(message)
}

function log(line: string): void {
  try {
    appendFileSync(instance.log, `${new Date().toISOString()} ${line}\n`)
  } catch {
    // The folder is not made yet, or `down` took it away.
  }
}

async function main(): Promise<void> {
  await hold(instance.lock)
  process.on('SIGTERM', () => process.exit(0))
  await clean(instance)
  mkdirSync(instance.root, { recursive: true, mode: 0o755 })
  const work = bringUp(instance, JSON.parse(contents ?? '{}') as LabContents, (label) =>
    tell({ kind: 'progress', label }),
  )
  process.on('disconnect', () => void (settled ? undefined : abandon(work)))
  if (!process.connected) return abandon(work) // `up` was interrupted before anybody listened
  try {
    await work
  } finally {
    settled = true
  }
  tell({ kind: 'up' })
  setInterval(() => undefined, 1 << 30) // the hold itself keeps no process alive
}

/** Nobody waits for this lab: leave nothing of it. */
async function abandon(work: Promise<void>): Promise<void> {
  abandoned = true
  const swept = () => clean(instance).catch((error: unknown) => log(messageOf(error)))
  await swept() // takes the ground away from the work, which then fails
  await work.catch(() => undefined)
  await swept()
  process.exit(1)
}

async function fail(error: unknown): Promise<void> {
  const known = isHaetaeError(error)
    ? error
    : new HaetaeError('defect', 'bringing up the lab', { why: messageOf(error), cause: error })
  log(known.cause instanceof Error ? (known.cause.stack ?? '') : '')
  // The logs stay, because the error points to them; everything that runs goes.
  if (known.code !== 'already-held') {
    await clean(instance, { keepFolder: true }).catch((left: unknown) => log(messageOf(left)))
  }
  tell({ kind: 'failed', problem: known.toProblem() })
  process.exitCode = 1
  if (process.connected) process.disconnect?.()
}

try {
  await main()
} catch (error) {
  if (!abandoned) await fail(error)
}

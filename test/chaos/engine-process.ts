import { randomUUID } from 'node:crypto'
import { mkdirSync, realpathSync } from 'node:fs'
import { configSchema } from '#daemon/config-schema.ts'
import type { Releasers } from '#daemon/releasers.ts'
import { startAgain } from '#daemon/start-again.ts'
import { openStorage } from '#daemon/storage.ts'
import { createEngine } from '#engine/engine.ts'
import type { Engine } from '#engine/engine-port.ts'
import { postgresJournal } from '#engine/journal/postgres.ts'
import { startSequencer } from '#ledger/sequencer.ts'
import { isHaetaeError, messageOf } from '#model/errors.ts'
import { systemClock } from '#platform/clock.ts'
import { hold } from '#platform/hold.ts'
import { createLog, type Log } from '#platform/log.ts'
import { isServerGone } from '#platform/postgres/gone.ts'
import { ask } from './world/client.ts'
import type { Declared } from './world/server.ts'
import { outsideTypes } from './world/types.ts'

/*
 * A daemon's inner half as a process of its own: the held data folder, the supervised PostgreSQL with its schema,
 * the sequencer, the journal and the engine are the product's; the steps act on the world outside.
 * Runs until SIGTERM.
 */

/** What the process is told on its command line, as JSON. */
export interface ProcessOptions {
  daemon: string
  dataDir: string
  /** Without it the process supervises a PostgreSQL of its own in its data folder. */
  postgresUrl?: string
  /** Socket of the world outside. */
  world: string
  ttlMs: number
}

/** The line of its log that says that it works. */
export const worksMessage = 'the engine works'

async function main(options: ProcessOptions): Promise<void> {
  const log = createLog({ level: 'info', site: options.daemon })
  const ended = new Promise((done) => process.once('SIGTERM', done))
  try {
    const { parts: engine, releasers } = await startAgain({ clock: systemClock, log }, (releasers) =>
      start(options, log, releasers),
    )
    log.info({}, worksMessage)
    await Promise.race([beginDeclared(engine, options.world, log).then(() => ended), ended]).finally(() =>
      releasers.release(),
    )
  } catch (error) {
    log.fatal({ why: messageOf(error) }, 'the process could not start')
    process.exitCode = isHaetaeError(error) ? error.exitCode : 1
  }
}

async function start(options: ProcessOptions, log: Log, releasers: Releasers): Promise<Engine> {
  const { daemon, dataDir, world, ttlMs } = options
  mkdirSync(dataDir, { recursive: true })
  releasers.add('data folder', await hold(`data folder ${realpathSync(dataDir)}`))
  const config = configSchema.parse({
    ...{ installation: 'chaos', site: 'gwangju', dataDir, catalogueDir: dataDir },
    ...(options.postgresUrl === undefined ? {} : { postgres: { url: options.postgresUrl } }),
    redis: { url: 'unix:///nowhere' },
  })
  const clock = systemClock
  const { pool } = await openStorage({ config, clock, log, releasers })
  const onTrouble = (why: string): void => log.warn({ why }, 'the ledger could not be sequenced')
  const sequencer = startSequencer({ pool, clock, onTrouble })
  releasers.add('sequencer', () => sequencer.stop())
  const outside = { socket: world, incarnation: `${daemon}/${randomUUID()}` }
  const engine = createEngine({
    journal: postgresJournal({ pool, clock }),
    stepTypes: outsideTypes,
    contexts: { readers: () => outside, writers: () => outside },
    approvals: { at: async () => ({ granted: ['approver-1', 'approver-2'], rejected: [] }) },
    assumptions: {
      broken: async ({ runId, node, signal, moment }) => {
        if (moment === 'effect') return []
        await ask(world, '/prove', { run: runId, node: node?.id ?? null }, signal)
        return []
      },
    },
    authority: { epochOf: async () => 7 },
    resolve: (node) => node.with,
    clock,
    log,
    metrics: { attemptEnded() {}, nodeEnded() {}, runEnded() {}, termLost() {} },
    holder: { daemon, incarnation: outside.incarnation },
    ttlMs,
  })
  releasers.add('engine', () => engine.stop(2_000))
  await engine.resumeAll()
  return engine
}

/** The operators' requests, made again as long as the runs are not there. */
async function beginDeclared(engine: Engine, world: string, log: Log): Promise<void> {
  const declared = (await ask(world, '/declared', {})) as Declared[]
  for (const { id, plan } of declared) {
    for (;;) {
      try {
        await engine.start({ id, plan, requester: 'operator-1', reason: 'chaos' })
        break
      } catch (error) {
        if (isHaetaeError(error, 'run-exists')) break
        // Only PostgreSQL that does not answer is tried again.
        if (!isHaetaeError(error, 'postgres-unavailable') && !isServerGone(error)) throw error
        log.warn({ run: id, why: messageOf(error) }, 'the run could not be created; trying again')
        await systemClock.sleep(200)
      }
    }
  }
}

if (process.argv[1] === import.meta.filename) {
  await main(JSON.parse(process.argv[2] ?? '{}') as ProcessOptions)
}

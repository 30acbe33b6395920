import { mkdirSync } from 'node:fs'
import type { Pool } from 'pg'
import { approvalService } from '#api/approval-service.ts'
import type { Services } from '#api/services.ts'
import { recordPolicy } from '#approval/policy-record.ts'
import { authorityStore, type AuthorityStore } from '#authority/store.ts'
import { findingStore, type FindingStore } from '#finding/store.ts'
import { startSequencer } from '#ledger/sequencer.ts'
import { HaetaeError, messageOf } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import type { Monitor } from '#monitor/monitor.ts'
import { pullAuthority } from '#peer/authority-pull.ts'
import { peerClient } from '#peer/client.ts'
import { Sessions } from '#people/sessions.ts'
import { systemClock } from '#platform/clock.ts'
import { holdFolder } from '#platform/hold.ts'
import { createLog, type Log } from '#platform/log.ts'
import { createMetrics } from '#platform/metrics.ts'
import { authorityApplier } from './apply-authority.ts'
import { startBackups } from './backups.ts'
import { loadCatalogue, type Catalogue } from './catalogue.ts'
import type { Config, LoadedConfig } from './config.ts'
import { buildExecution, holderOf, openJournal } from './execution.ts'
import { ledgerPorts, type LedgerPorts } from './ledger-ports.ts'
import { listen } from './listen.ts'
import { measureBackups } from './measure-backups.ts'
import { measureWorld } from './measure.ts'
import { planObserver } from './observer.ts'
import { watchReaderRights } from './reader-rights.ts'
import type { Releasers } from './releasers.ts'
import { startPlanner } from './planner.ts'
import { plansOfParts } from './plans-of-parts.ts'
import { replanner } from './replan.ts'
import { backupService } from './services/backup.ts'
import { driftService } from './services/drift.ts'
import { estateService } from './services/estate.ts'
import { requestServices } from './services/requests.ts'
import { findingService } from './services/finding.ts'
import { daemonService } from './services/daemon.ts'
import { peerService } from './services/peer.ts'
import { runService } from './services/runs.ts'
import { startAgain } from './start-again.ts'
import { openStorage } from './storage.ts'
import { unopenedBy } from './unopened.ts'
import { version } from './version.ts'
import { buildMonitor, recordFindings } from './watch.ts'
import { keepMarks } from './marks.ts'
import { World } from './world.ts'

export interface Daemon {
  log: Log
  /** Stops everything in reverse order of its start. Safe to call twice. */
  stop(): Promise<void>
}

/**
 * Starts everything in order; what fails on the way is undone in reverse, and the error thrown. Throws
 * `already-held` when another daemon runs on the data folder, and what the parts throw: `estate-invalid`,
 * `roster-invalid`, `postgres-missing`, `postgres-unavailable`, `listen-failed`, `config-unreadable`.
 */
export async function startDaemon(loaded: LoadedConfig, clock: Clock = systemClock): Promise<Daemon> {
  const log = createLog({ level: loaded.config.log.level, site: loaded.config.site })
  let stopping: Promise<void> | undefined
  try {
    const { releasers } = await startAgain({ clock, log }, (releasers) =>
      startParts(loaded, clock, log, releasers),
    )
    return { log, stop: () => (stopping ??= releasers.release()) }
  } catch (error) {
    log.fatal({ why: messageOf(error) }, 'the daemon could not start')
    throw error
  }
}

async function startParts(loaded: LoadedConfig, clock: Clock, log: Log, releasers: Releasers): Promise<void> {
  const { config } = loaded
  const startedAt = clock.now()
  for (const name of loaded.unusedEnvironment) log.warn({ name }, 'an environment variable is no key')
  releasers.add('data folder', await holdDataFolder(config.dataDir))
  const catalogue = await loadCatalogue(config.catalogueDir)
  const metrics = createMetrics()
  const storage = await openStorage({ config, clock, log, releasers })
  const { pool } = storage
  const ledger = startLedger(pool, clock, log, releasers)
  const authority = authorityStore(pool, clock)
  const journal = openJournal(pool, clock)
  const world = new World(config.site, catalogue, authority, {
    locks: () => journal.locks(),
    unopened: unopenedBy(journal),
  })
  await world.open()
  const findings = findingStore(pool, ledger.finding)
  const common = {
    config,
    catalogue,
    clock,
    log,
    metrics,
    releasers,
    world,
    storage,
    pool,
    authority,
    findings,
  }
  const monitor = startWatching(common)
  await recordPolicy(pool, catalogue.approvalPolicy, clock)
  const holder = holderOf(config)
  const planner = startPlanner(catalogue)
  releasers.add('planner', () => planner.close())
  const replanned = replanner({ planner, world, clock })
  const execution = buildExecution({ ...common, monitor, planner, replanned }, journal, holder)
  const backups = await startBackups({ ...common, ledger }, holder)
  const observer = planObserver({ config, pool, clock, log, execution })
  const runs = runService({ execution, authority, findings })
  measureWorld({ metrics, catalogue, world, monitor, storage, clock, site: config.site })
  measureBackups(metrics, backups, clock)
  const sessions = new Sessions({ roster: catalogue.roster, site: config.site, clock, record: ledger.access })
  const ready = () => storage.postgres === undefined || storage.postgres.state().status === 'up'
  const services: Services = {
    drifts: driftService({
      ...{ execution, observe: observer.observe },
      plansOf: (fleet) => plansOfParts({ planner, world, clock }, fleet),
    }),
    estate: estateService({ catalogue, world, monitor, findings, site: config.site }),
    ...requestServices({ config, catalogue, planner, world, clock, execution, runs, observer }),
    runs,
    approvals: approvalService(execution.approvals, {
      changed: (run) => execution.engine.wake(run),
      takenOver: (run, by, reason) => execution.engine.takeOver(run, by, reason),
    }),
    backups: backupService(backups.log, catalogue),
    findings: findingService(findings),
    daemon: daemonService({ loaded, catalogue, storage, monitor, metrics, version }),
    peer: peerService({ config, world, catalogue, monitor, clock, version, startedAt, ready }),
  }
  await listen(config, { services, sessions, record: ledger.access, pool, clock, log }, releasers)
  releasers.add('engine', () => execution.engine.stop())
  await execution.engine.resumeAll()
  log.info({ ms: clock.now() - startedAt, version, catalogue: catalogue.digest }, 'the daemon is up')
}

/** Entries get their place in the order from now on. */
function startLedger(pool: Pool, clock: Clock, log: Log, releasers: Releasers): LedgerPorts {
  const onTrouble = (why: string): void => log.warn({ why }, 'the ledger could not be sequenced')
  const sequencer = startSequencer({ pool, clock, onTrouble })
  releasers.add('sequencer of the ledger', () => sequencer.stop())
  return ledgerPorts(pool, clock)
}

interface Watched {
  config: Config
  catalogue: Catalogue
  clock: Clock
  log: Log
  releasers: Releasers
  world: World
  authority: AuthorityStore
  findings: FindingStore
}

/** Starts the monitor, what it writes down, and the exchange with the peers. */
function startWatching({
  config,
  catalogue,
  clock,
  log,
  releasers,
  world,
  authority,
  findings,
}: Watched): Monitor {
  const peers = config.peers.map((peer) => peerClient(peer))
  for (const peer of peers) releasers.add(`connection to ${peer.site}`, () => peer.close())
  const monitor = buildMonitor({ config, catalogue, clock, log, world, peers })
  monitor.onEvaluation((_evaluation, changes) => {
    // The first look at everything is no news.
    for (const change of changes) if (change.from !== undefined) log.info(change, 'a state changed')
  })
  monitor.start()
  releasers.add('monitor', () => monitor.stop())
  keep(releasers, 'world', (signal) => world.keepFresh(clock, log, 1_000, signal))
  keep(releasers, 'marks in the cluster', (signal) => keepMarks({ config, world, clock, log }, signal))
  keep(releasers, 'findings of the monitor', (signal) =>
    recordFindings(monitor, findings, { clock, log, config, world }, signal),
  )
  keep(releasers, "reader's rights", (signal) =>
    watchReaderRights({ config, catalogue, clock, log, findings }, signal),
  )
  const apply = authorityApplier(config, catalogue)
  for (const peer of peers) {
    const ports = {
      clock,
      log,
      apply,
      // What was learnt and not applied before a crash is on record and nowhere else. Applying again is safe.
      learnt: world.authorities().filter(({ site, runId }) => site !== config.site && runId !== null),
      learn: (known: Parameters<AuthorityStore['learn']>[0]) => authority.learn(known),
    }
    keep(releasers, `authorities of ${peer.site}`, (signal) => pullAuthority(peer, ports, 3_000, signal))
  }
  return monitor
}

/** One daemon on one data folder: a second one would run every run twice. */
async function holdDataFolder(dataDir: string): Promise<() => Promise<void>> {
  try {
    mkdirSync(dataDir, { recursive: true })
  } catch (cause) {
    throw new HaetaeError('config-invalid', 'dataDir', { where: dataDir, why: messageOf(cause), cause })
  }
  return holdFolder(dataDir)
}

/** Runs a loop that ends with its signal, and waits for that end at the stop. */
function keep(releasers: Releasers, name: string, loop: (signal: AbortSignal) => Promise<void>): void {
  const ending = new AbortController()
  const running = loop(ending.signal)
  releasers.add(name, async () => {
    ending.abort()
    await running
  })
}

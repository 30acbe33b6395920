import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pool } from 'pg'
import { Approvals } from '#approval/approvals.ts'
import type { AuthorityStore } from '#authority/store.ts'
import type { Engine } from '#engine/engine-port.ts'
import { createEngine } from '#engine/engine.ts'
import { postgresJournal } from '#engine/journal/postgres.ts'
import type { Holder, Journal } from '#engine/journal/journal.ts'
import type { Assumptions, EngineMetrics, PlanChild } from '#engine/ports.ts'
import type { FindingStore } from '#finding/store.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import type { Monitor } from '#monitor/monitor.ts'
import { partRequestOf } from '#plan/part.ts'
import { createResolver } from '#plan/resolve.ts'
import type { Log } from '#platform/log.ts'
import type { Metrics } from '#platform/metrics.ts'
import { stepTypes } from '#steps/index.ts'
import { createTargets, type Readers, type Targets } from '#steps/targets.ts'
import { assumptionChecks } from './assumptions.ts'
import { authorityHeld } from './authority-held.ts'
import type { Catalogue } from './catalogue.ts'
import type { Config } from './config.ts'
import { standbyLook, type LossParts } from './loss.ts'
import type { Planner } from './planner.ts'
import type { Releasers } from './releasers.ts'
import type { WhyReplanned } from './replan.ts'
import { subjectsIn } from './subjects.ts'
import { voidingChecks } from './voiding.ts'
import type { World } from './world.ts'

interface Needs {
  config: Config
  catalogue: Catalogue
  pool: Pool
  clock: Clock
  log: Log
  metrics: Metrics
  authority: AuthorityStore
  monitor: Monitor
  planner: Planner
  world: World
  findings: FindingStore
  releasers: Releasers
  replanned: WhyReplanned
}

export interface Execution {
  engine: Engine
  journal: Journal
  approvals: Approvals
  /** What planning looks with. Throws `config-invalid` where this site is not configured for runs. */
  readers(): Readers
  assumptions: Assumptions
  /** What tells how much would be lost now. */
  loss: LossParts
}

/**
 * Who this process is in a run's journal: the data folder, and this start on it. The folder is known by what lies in it
 * and not by its path: daemons on several machines share one PostgreSQL and have the same path, and each may take over
 * at once whatever an earlier start on *its* folder held. The caller holds the folder.
 */
export function holderOf(config: Pick<Config, 'site' | 'dataDir'>): Holder {
  const folder = folderId(join(config.dataDir, 'daemon-id')).slice(0, 8)
  return { daemon: `haetae-${config.site}-${folder}`, incarnation: randomUUID() }
}

/** The id of a data folder, made at the first start on it. Renamed into place, so that no half of one is ever read. */
function folderId(file: string): string {
  const found = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  if (/^[0-9a-f]{32}$/.test(found)) return found
  const made = randomBytes(16).toString('hex')
  writeFileSync(`${file}.new`, `${made}\n`)
  renameSync(`${file}.new`, file)
  return made
}

/** The journal of runs in this site's PostgreSQL. */
export function openJournal(pool: Pool, clock: Clock): Journal {
  return postgresJournal({ pool, clock })
}

/** Engine, approvals and targets, wired to each other. Nothing runs before `engine.resumeAll()`. */
export function buildExecution(needs: Needs, journal: Journal, holder: Holder): Execution {
  const { config, catalogue, clock, log, authority, monitor, pool, findings } = needs
  const approvals = new Approvals({
    pool,
    roster: catalogue.roster,
    policy: catalogue.approvalPolicy,
    findings,
    installation: config.installation,
    gradeOf: (system) => catalogue.systems.get(system)?.grade,
    clock,
    subjects: subjectsIn(journal),
  })
  const readers = () => targets().readers
  const loss: LossParts = {
    clock,
    sourceHeartbeat: (system, site) => monitor.lastHeartbeat(system, site),
    standby: standbyLook(catalogue, config.site, () => readers().database),
  }
  const silence = { look: (site: string, signal: AbortSignal) => monitor.lookForAnswer(site, signal) }
  const targets = openTargets(needs, { authority, attestations: approvals, silence })
  const assumptions = assumptionChecks({ ...loss, authority, silence, replanned: needs.replanned })
  const engine = createEngine({
    journal,
    stepTypes,
    contexts: { readers, writers: () => targets().writers },
    approvals,
    assumptions: voidingChecks(assumptions, approvals),
    authority: authorityHeld(authority),
    resolve: createResolver(stepTypes),
    planChild: childPlans(needs),
    clock,
    log: log.child({ part: 'engine' }),
    metrics: engineMetrics(needs.metrics),
    holder,
  })
  return { engine, journal, approvals, assumptions, readers, loss }
}

/** Plans of systems whose turn in a fleet has come: one at a time, so that whoever asks for a plan meanwhile has one. */
function childPlans({ planner, world, clock }: Needs): PlanChild {
  let last: Promise<unknown> = Promise.resolve()
  return ({ fleet, node, ownGates }) => {
    const turn = last.then(async () => {
      const active = new Map([...world.activeAt()].filter(([system]) => system === node.system))
      const part = await planner.part({ ...partRequestOf(fleet, node, ownGates), active, now: clock.now() })
      // What was seen of its source when the fleet was planned: a daemon that starts again has seen nothing of it.
      const loss = fleet.observed.forecast?.loss[node.system ?? '']
      if (loss === undefined) return part
      return { ...part, observed: { ...part.observed, forecast: { loss: { [node.system ?? '']: loss } } } }
    })
    last = turn.catch(() => {})
    return turn
  }
}

/** What this site lacks for running anything; empty when it can. */
export function missingForRuns(config: Config): string[] {
  return (['kubernetes', 'dns', 'databases', 'probe'] as const).filter((key) => config[key] === undefined)
}

function openTargets(
  { config, releasers }: Needs,
  parts: Parameters<typeof createTargets>[1],
): () => Targets {
  const { kubernetes, dns, databases, probe, prometheus, services, loadBalancer, site } = config
  if (kubernetes === undefined || dns === undefined || databases === undefined || probe === undefined) {
    return () => {
      const why = `not configured: ${missingForRuns(config).join(', ')}`
      throw new HaetaeError('config-invalid', 'this daemon cannot execute runs', { why })
    }
  }
  const { server, port, zone, tsigKeyFile } = dns
  const targets = createTargets(
    {
      site,
      kubeconfig: kubernetes.kubeconfig,
      dns: { host: server, port, zone, tsigKeyFile },
      databases,
      http: { caFile: probe.caFile },
      services,
      loadBalancer,
      prometheus,
    },
    parts,
  )
  releasers.add('connections to targets', () => targets.close())
  return () => targets
}

function engineMetrics(metrics: Metrics): EngineMetrics {
  const seconds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
  const attempts = metrics.histogram(
    'haetae_step_attempt_seconds',
    'Time of one try of a step.',
    ['type', 'outcome'],
    seconds,
  )
  const nodes = metrics.counter(
    'haetae_steps_ended_total',
    'Steps that ended, by the state that they ended in.',
    ['type', 'state'],
  )
  const runs = metrics.histogram(
    'haetae_run_seconds',
    'Time of a run from its creation to its end.',
    ['outcome'],
    [...seconds, 900, 3600],
  )
  const lost = metrics.counter('haetae_terms_lost_total', 'Terms of runs that this daemon lost.')
  return {
    attemptEnded: (type, outcome, took) => attempts.observe({ type, outcome }, took),
    nodeEnded: (type, state) => nodes.inc({ type, state }),
    runEnded: (outcome, took) => runs.observe({ outcome }, took),
    termLost: () => lost.inc(),
  }
}

import type { Localized } from '#model/localized.ts'
import type { RecordLine } from '../citizens/record.ts'
import { viewOf, type StoredIds } from './citizens-view.ts'
import { departures } from './departures.ts'
import { localized, type HaetaeFacts, type RunFacts } from './haetae-facts.ts'
import { notExercised } from './not-exercised.ts'
import type { CitizensView, DrillReport, MeasuredRpo, SystemReport } from './report.ts'

/** Heartbeats are written every second and scraped every second. */
const heartbeatErrorMs = 2_000

export interface JoinInput {
  instance: string
  siteNames: Record<string, Localized>
  loss: { site: string; at: number }
  byTheLab: boolean
  haetae: HaetaeFacts
  record: readonly RecordLine[]
  stored: ReadonlyMap<string, StoredIds>
  /** Hard dependencies of each system among those that run. */
  needs: ReadonlyMap<string, readonly string[]>
  now: number
}

/** Joins what Haetae says with what the citizens wrote down. Pure. */
export function joinReport(input: JoinInput): DrillReport {
  const { haetae, loss } = input
  const systems = haetae.systems
    .filter(({ id }) => input.stored.has(id))
    .map((system) => systemReport(input, system.id))
  const waves = [...new Set(haetae.run.times.map(({ wave }) => wave))].sort((a, b) => a - b)
  const { id, state, requester, reason, planDigest, createdAt, endedAt } = haetae.run
  return {
    kind: 'haetae-lab-drill-report',
    version: 1,
    madeAt: new Date(input.now).toISOString(),
    instance: input.instance,
    loss: { site: loss.site, at: new Date(loss.at).toISOString() },
    recoverySite: haetae.run.toSite,
    siteNames: input.siteNames,
    run: { id, state, requester, reason, planDigest, createdAt, endedAt },
    statements: haetae.statements.map(({ purpose, principal, receivedAt, sources }) => ({
      purpose,
      principal,
      at: receivedAt,
      sources,
    })),
    byTheLab: input.byTheLab,
    systems,
    totals: {
      acknowledged: systems.reduce((sum, { citizens }) => sum + citizens.acknowledged, 0),
      lost: systems.reduce((sum, { citizens }) => sum + citizens.lost.length, 0),
      allServingMs: allServing(systems, loss.at),
    },
    waves: waves.map((wave) => ({
      wave,
      systems: haetae.run.times.filter((entry) => entry.wave === wave).map(({ system }) => system),
    })),
    fenceDebts: haetae.run.fenceDebts.toSorted((a, b) => (a.system < b.system ? -1 : 1)),
    backups: {
      succeeded: haetae.backups.filter(({ outcome }) => outcome === 'succeeded').length,
      verified: haetae.backups.filter(({ verified }) => verified).length,
      streaming: haetae.backups.filter(({ outcome }) => outcome === 'running').length,
      failed: haetae.backups.filter(({ outcome }) => outcome === 'failed').length,
      systems: new Set(haetae.backups.map(({ system }) => system)).size,
    },
    departures: departures(haetae.run),
    notExercised: notExercised(input.byTheLab),
    notes: haetae.plan.notes.map(localized),
  }
}

function systemReport(input: JoinInput, id: string): SystemReport {
  const { haetae, loss } = input
  const facts = haetae.systems.find((system) => system.id === id)
  const times = haetae.run.times.find(({ system }) => system === id)
  const forecast = haetae.plan.systems.find(({ system }) => system === id)
  const citizens = viewOf(input.record, id, input.stored.get(id) ?? { why: 'not asked' }, loss.at)
  const part = times !== undefined ? 'moved' : needsMoved(input, id) ? 'affected' : 'untouched'
  const rtoMs = achievedRto(times)
  const rpo = achievedRpo(haetae, id)
  const targets = forecast === undefined ? null : { rtoMs: forecast.rtoTargetMs, rpoMs: forecast.rpoTargetMs }
  return {
    id,
    name: facts?.name ?? { ko: id, en: id },
    grade: facts?.grade ?? '',
    part,
    wave: times?.wave ?? null,
    why: (forecast?.why ?? []).map(localized),
    targets,
    times: times ?? null,
    haetae: { rtoMs, rpo },
    citizens,
    rtoMet: targets === null ? null : rtoMs === null ? false : rtoMs <= targets.rtoMs,
    rpoMet: part === 'moved' ? rpoMet(targets, rpo, citizens) : null,
  }
}

/** Whether a system needs one that was moved, directly or through others. */
function needsMoved({ needs, haetae }: JoinInput, id: string): boolean {
  const seen = new Set([id])
  for (const one of seen) for (const need of needs.get(one) ?? []) seen.add(need)
  seen.delete(id)
  return haetae.run.times.some(({ system }) => seen.has(system))
}

/** From detection to open: both by the clock of the executing site. */
function achievedRto(times: RunFacts['times'][number] | undefined): number | null {
  if (times?.detected == null || times.open === null) return null
  return Date.parse(times.open) - Date.parse(times.detected)
}

/** The newest heartbeat of the source in the promoted database, as the step that promoted it reported. */
function achievedRpo(haetae: HaetaeFacts, system: string): MeasuredRpo | null {
  const seen = haetae.sourceHeartbeats[system]
  const promoted = haetae.journal
    .filter(({ node }) => node === `${system}/promote`)
    .map(({ data }) => heartbeatIn(data))
    .findLast((at) => at !== undefined)
  if (seen === undefined || promoted === undefined) return null
  return {
    ms: Math.max(0, seen - Date.parse(promoted)),
    errorMs: heartbeatErrorMs,
    sourceSeenAt: new Date(seen).toISOString(),
    promotedHasAt: promoted,
  }
}

function heartbeatIn(data: Record<string, unknown>): string | undefined {
  const output = (data['output'] ?? data) as { lastHeartbeatAt?: unknown } | null
  const at = output?.lastHeartbeatAt
  return typeof at === 'string' ? at : undefined
}

/** A target of 0 is met when nothing acknowledged is missing; another one is judged only if the error allows it. */
function rpoMet(
  targets: { rpoMs: number | null } | null,
  rpo: MeasuredRpo | null,
  citizens: CitizensView,
): boolean | null {
  if (targets === null || targets.rpoMs === null || citizens.lookedUp !== true) return null
  if (targets.rpoMs === 0) return citizens.lost.length === 0
  if (rpo === null || rpo.errorMs > targets.rpoMs) return null
  return rpo.ms <= targets.rpoMs
}

function allServing(systems: readonly SystemReport[], lossAt: number): number | null {
  const ends = systems.flatMap(({ citizens }) =>
    citizens.away.map(({ until }) => (until === null ? null : Date.parse(until))),
  )
  if (ends.includes(null)) return null
  return ends.reduce<number>((last, end) => Math.max(last, (end ?? lossAt) - lossAt), 0)
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { Journal } from '#engine/journal/journal.ts'
import { readView } from '#engine/run-reader.ts'
import { endsNode, isNodeEvent, type JournalRecord } from '#engine/state/events.ts'
import { isDone, type RunView } from '#engine/state/view.ts'
import { terminalRunStates } from '#model/states.ts'
import type { PlanNode } from '#plan/plan.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import type { Effect } from './world/effects.ts'
import type { WorldServer } from './world/server.ts'

/** What a round left behind. */
export interface Left {
  journal: Journal
  pool: Pool
  world: Pick<WorldServer, 'proofs'>
  stepTypes: ReadonlyMap<string, Pick<AnyStepType, 'effect' | 'needsAuthority'>>
  effects: readonly Effect[]
}

/** Everything that must be true of a run when its round is over; returns what is not. */
export async function violationsOf(runId: string, left: Left): Promise<string[]> {
  const { journal, pool } = left
  const view = await readView(journal, runId)
  const records: JournalRecord[] = []
  for (let after = 0; ;) {
    const page = await journal.read(runId, after, 1_000)
    records.push(...page)
    if (page.length < 1_000) break
    after = page.at(-1)?.seq ?? after
  }
  const effects = left.effects.filter((effect) => effect.run === runId)
  const found = [
    ...(terminalRunStates.has(view.state) ? [] : [`it is ${view.state}`]),
    ...view.plan.subject.nodes.flatMap((node) => lostOrDoubled(view, node, effects, left.stepTypes)),
    ...effects.flatMap((effect) => unlawful(view, effect, records, left)),
    ...outOfOrder(records),
    ...(await notInTheLedger(pool, runId, records)),
    ...(await locksOf(pool, runId)),
  ]
  return found.map((what) => `run ${runId}: ${what}`)
}

/** What is done happened, once; what was not begun did not happen. */
function lostOrDoubled(
  view: RunView,
  node: PlanNode,
  effects: readonly Effect[],
  stepTypes: Left['stepTypes'],
): string[] {
  const effect = stepTypes.get(node.type)?.effect
  const seen = view.nodes.get(node.id)
  if (effect === undefined || effect === 'read' || seen === undefined) return []
  const happened = effects.filter((one) => one.node === node.id).length
  const told = `${node.id} (${node.type}, ${effect}, ${seen.state}) happened ${happened} times`
  if (happened > 1) return [told]
  if (seen.state === 'skipped') return happened > 0 ? [told] : []
  if (isDone(seen.state) && happened === 0) return [told]
  return seen.canceled?.left === 'untouched' && happened > 0 ? [`${told} and is told to be untouched`] : []
}

/** What must have been in the journal when an effect happened. Process and world share one clock. */
function unlawful(
  view: RunView,
  { node: id, at, epoch }: Effect,
  records: readonly JournalRecord[],
  { world, stepTypes }: Left,
): string[] {
  const before = records.filter((record) => Date.parse(record.at) <= at)
  const about = (node: string) => before.filter(({ event }) => isNodeEvent(event) && event.node === node)
  const node = view.plan.subject.nodes.find((one) => one.id === id)
  if (node === undefined) return [`${id} is in no plan and happened`]
  const intent = about(id).find(({ event }) => event.kind === 'intended')
  if (intent === undefined) return [`${id} happened without an intent`]
  const early = [
    ...node.needs.filter((need) => !about(need).some(isGood)),
    ...(node.after ?? []).filter((other) => !about(other).some(({ event }) => endsNode(event))),
  ]
  const type = stepTypes.get(node.type)
  const proofs = world.proofs.filter((proof) => proof.run === view.id && proof.at <= at)
  return [
    ...early.map((need) => `${id} happened before ${need} was done`),
    ...(before.some(({ event }) => event.kind === 'run-started') ? [] : [`${id} happened before the start`]),
    ...(type?.needsAuthority === true && epoch !== 7 ? [`${id} happened without authority`] : []),
    ...(type?.effect === 'point-of-no-return' && !proofs.some((proof) => proof.node === id)
      ? [`${id} happened and its assumptions were not proven`]
      : []),
  ]
}

function isGood({ event }: JournalRecord): boolean {
  if (event.kind === 'decided') return event.decision === 'holds'
  return event.kind === 'succeeded' || event.kind === 'adopted' || event.kind === 'node-skipped'
}

function outOfOrder(records: readonly JournalRecord[]): string[] {
  const gaps = records.filter(({ seq }, index) => seq !== index + 1)
  const terms = records.filter(({ term }) => term > 0)
  const older = terms.filter(({ term }, index) => term < (terms[index - 1]?.term ?? 0))
  const actors = new Map<number, Set<string>>()
  for (const { term, actor } of terms) actors.set(term, (actors.get(term) ?? new Set()).add(actor))
  return [
    ...gaps.slice(0, 1).map(({ seq }) => `its journal has a gap at ${seq}`),
    ...older.map(({ term, seq }) => `record ${seq} of term ${term} came after a newer term`),
    ...[...actors].flatMap(([term, names]) =>
      names.size === 1 ? [] : [`term ${term} was written by ${[...names].join(' and ')}`],
    ),
  ]
}

async function notInTheLedger(
  pool: Pool,
  runId: string,
  records: readonly JournalRecord[],
): Promise<string[]> {
  const { rows } = await pool.query<{ entries: number }>(
    "SELECT count(*)::int AS entries FROM ledger_entry WHERE subject = $1 AND kind LIKE 'run.%'",
    [`run/${runId}`],
  )
  const entries = rows[0]?.entries ?? 0
  return entries === records.length ? [] : [`${records.length} records, ${entries} entries in the ledger`]
}

async function locksOf(pool: Pool, runId: string): Promise<string[]> {
  const { rows } = await pool.query<{ system: string }>('SELECT system FROM system_locks WHERE run_id = $1', [
    runId,
  ])
  return rows.map(({ system }) => `it has ended and holds ${system}`)
}

/**
 * The ledger's order has no gap, and every entry gets its place. A process that is just starting writes entries too:
 * what waits is looked at again, for longer than an order that somebody frozen holds up.
 */
export async function sequenceViolations(pool: Pool): Promise<string[]> {
  for (let looks = 1; ; looks += 1) {
    const found = await sequenceNow(pool)
    if (found.length === 0 || looks === 15) return found
    await sleep(1_000)
  }
}

async function sequenceNow(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ entries: number; places: number; last: number; pending: number }>(
    `SELECT (SELECT count(*) FROM ledger_entry)::int AS entries, count(*)::int AS places,
       coalesce(max(seq), 0)::int AS last, (SELECT count(*) FROM ledger_pending)::int AS pending
     FROM ledger_sequence`,
  )
  const { entries = 0, places = 0, last = 0, pending = 0 } = rows[0] ?? {}
  if (entries === places && places === last && pending === 0) return []
  return [`ledger: ${entries} entries, ${places} places, the last is ${last}, ${pending} wait`]
}

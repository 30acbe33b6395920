import { systemsOf } from '#engine/accept.ts'
import { endsNode, isNodeEvent, type JournalRecord } from '#engine/state/events.ts'
import { readView } from '#engine/run-reader.ts'
import { isDone, type RunView } from '#engine/state/view.ts'
import type { PlanNode } from '#plan/plan.ts'
import { terminalRunStates } from '#model/states.ts'
import { runId, waitsForPersonsOnly, type Simulation, type Witnessed } from './simulate.ts'
import { simTypes } from './types.ts'

/** Everything that must be true of a simulated run at its end; returns what is not. */
export async function violations(sim: Simulation): Promise<string[]> {
  const view = await readView(sim.store, runId)
  const records = await sim.store.read(runId, 0, 1e6)
  const found: string[] = []
  const must = (holds: boolean, what: string) => {
    if (!holds) found.push(what)
  }
  const ended = terminalRunStates.has(view.state)
  must(
    ended || waitsForPersonsOnly(view),
    `the run is ${view.state} and neither ended nor waits for a named decision`,
  )
  const locks = (await sim.store.locks())
    .filter((lock) => lock.runId === runId)
    .map((lock) => lock.system)
    .toSorted()
  must(locks.join() === (ended ? '' : systemsOf(view.plan).join()), `locks held at the end: ${locks.join()}`)

  for (const node of view.plan.subject.nodes) {
    const type = simTypes.get(node.type)
    if (type === undefined || type.effect === 'read') continue
    const landed = sim.world.landed.filter((change) => change.node === node.id).length
    must(landed <= 1, `${node.id} (${type.effect}) happened ${landed} times`)
    const state = view.nodes.get(node.id)?.state ?? 'waiting'
    if (state === 'skipped') must(landed === 0, `${node.id} was skipped and happened`)
    else if (isDone(state)) must(landed === 1, `${node.id} is done and never happened`)
  }
  found.push(
    ...sim.trespasses,
    ...begunInPause(records),
    ...besideUndo(sim, records),
    ...wrongUndo(sim, view),
  )
  for (const change of sim.witnessed) found.push(...unlawful(sim, change))
  for (const [term, writers] of sim.writers)
    must(writers.size === 1, `${writers.size} processes wrote under term ${term}`)
  must(
    records
      .filter((record) => record.term > 0)
      .every((record, index, all) => index === 0 || (all[index - 1]?.term ?? 0) <= record.term),
    'an older term wrote after a newer one',
  )
  return found
}

/**
 * What is wrong with how a run was taken back: twice, not in reverse, before a point of no return, what keeps two from
 * writing, or not at all although the run says so.
 */
function wrongUndo({ world, plan }: Simulation, view: RunView): string[] {
  const found: string[] = []
  const at = (id: string) => world.landed.findIndex((change) => change.node === id)
  const behind = behindOf(plan.subject.nodes)
  for (const node of plan.subject.nodes) {
    const undone = at(`${node.id}~undo`)
    const times = world.landed.filter((change) => change.node === `${node.id}~undo`).length
    if (times > 1) found.push(`${node.id} was taken back ${times} times`)
    const type = simTypes.get(node.type)
    const held = type?.safeguard === true || type?.effect === 'point-of-no-return'
    if (held && undone >= 0) found.push(`${node.id} (${node.type}) was taken back`)
    for (const after of behind.get(node.id) ?? []) {
      const point = simTypes.get(after.type)?.effect === 'point-of-no-return' && at(after.id) >= 0
      if (point && undone >= 0) found.push(`${node.id} was taken back behind ${after.id}`)
      const later = at(`${after.id}~undo`)
      if (undone >= 0 && later > undone) found.push(`${node.id} was taken back before ${after.id}`)
    }
    const promised = view.undo?.steps.some((step) => step.undoes === node.id) === true
    const thing = (node.with as { thing?: string }).thing ?? ''
    const left = view.undo?.left.some((each) => each.node === node.id) === true
    if (view.state === 'rolled-back' && promised && !left && world.see(thing).on)
      found.push(`${node.id} is still there`)
  }
  return found
}

/** Every node that comes behind a node, on any way. */
function behindOf(nodes: readonly PlanNode[]): Map<string, Set<PlanNode>> {
  const behind = new Map(nodes.map((node) => [node.id, new Set<PlanNode>()]))
  for (const { id } of nodes) {
    const found = behind.get(id) ?? new Set()
    const work = [id]
    for (const from of work) {
      for (const next of nodes) {
        if (found.has(next) || ![...next.needs, ...(next.after ?? [])].includes(from)) continue
        found.add(next)
        work.push(next.id)
      }
    }
  }
  return behind
}

/** Tries that were begun between a pause and its end. */
function begunInPause(records: readonly JournalRecord[]): string[] {
  let paused = false
  return records.flatMap(({ seq, event }) => {
    if (event.kind === 'run-paused') paused = true
    if (event.kind === 'run-resumed') paused = false
    return paused && event.kind === 'intended' ? [`${event.node} was begun in a pause, at ${seq}`] : []
  })
}

/** Steps that run at the end and were under way while something was taken back. */
function besideUndo({ plan }: Simulation, records: readonly JournalRecord[]): string[] {
  const atTheEnd = new Set(plan.subject.nodes.filter((node) => node.finally === true).map(({ id }) => id))
  const open = new Set<string>()
  const undoing = new Set<string>()
  const found: string[] = []
  let canceled = false
  for (const { event } of records) {
    if (event.kind === 'run-canceling' || event.kind === 'run-taken-over') canceled = true
    if (!('node' in event)) continue
    const now = atTheEnd.has(event.node) ? open : event.node.endsWith('~undo') ? undoing : undefined
    if (event.kind === 'intended') now?.add(event.node)
    if (endsNode(event)) now?.delete(event.node)
    if (!canceled && open.size > 0 && undoing.size > 0)
      found.push(`${[...open].join()} at the end was beside ${[...undoing].join()}`)
  }
  return found
}

/** What is wrong with a change, given what was durable when it happened. */
function unlawful(sim: Simulation, change: Witnessed): string[] {
  const found: string[] = []
  const of = (id: string) => change.records.filter(({ event }) => isNodeEvent(event) && event.node === id)
  const own = of(change.node).filter(({ event }) => event.kind !== 'progress')
  const intent = own.findLast(({ event }) => event.kind === 'intended')
  if (intent === undefined) return [`${change.node} happened without an intent`]
  const frozen = change.by.wasFrozen || change.late
  const last = own.findLast((record) => record === intent || isProof(record)) ?? intent
  if (!frozen && own.at(-1) !== last) found.push(`${change.node} happened after its attempt was closed`)
  if (!change.records.some(({ event }) => event.kind === 'run-started'))
    found.push(`${change.node} happened before the start`)
  const plan = planned(sim, change)
  for (const need of plan?.needs ?? []) {
    if (!of(need).some(isGood)) found.push(`${change.node} happened before ${need} was durably done`)
  }
  for (const other of plan?.after ?? []) {
    if (!of(other).some(isEnd)) found.push(`${change.node} happened before ${other} had durably ended`)
  }
  const type = simTypes.get(plan?.type ?? '')
  if (type?.needsAuthority === true && change.epoch !== 7)
    found.push(`${change.node} happened without authority`)
  if (type?.effect === 'point-of-no-return') {
    const proven = sim.proofs.some(
      (proof) =>
        proof.node === change.node && proof.by === change.by && (frozen || proof.afterSeq >= intent.seq),
    )
    if (!proven) found.push(`${change.node} happened without its assumptions proven after the intent`)
    if (!frozen && !isProof(last)) found.push(`${change.node} happened unconfirmed by the journal`)
    if (!frozen) found.push(...unheard(change, last))
  }
  return found
}

/** The node that a change is of. */
function planned({ plan }: Simulation, { node, records }: Witnessed): PlanNode | undefined {
  const made = records.flatMap(({ event }) => (event.kind === 'run-rollback-planned' ? event.steps : []))
  return [...plan.subject.nodes, ...made].find(({ id }) => id === node)
}

/** What people had asked, when the journal confirmed that the effect may be, and nobody had answered. */
function unheard({ node, records }: Witnessed, proof: JournalRecord): string[] {
  const before = records.slice(0, proof.seq)
  const asked = before.filter(({ event }) => event.kind === 'command' && stops.has(event.command.verb))
  const answered = new Set(before.map(({ event }) => ('command' in event ? event.command : undefined)))
  return asked.filter(({ seq }) => !answered.has(seq)).map(({ seq }) => `${node} happened unheeding ${seq}`)
}

const stops: ReadonlySet<string> = new Set(['pause', 'cancel', 'rollback'])

function isProof({ event }: JournalRecord): boolean {
  return event.kind === 'proven'
}

function isGood({ event }: JournalRecord): boolean {
  if (event.kind === 'decided') return event.decision === 'holds'
  return (
    event.kind === 'succeeded' ||
    event.kind === 'adopted' ||
    event.kind === 'node-skipped' ||
    event.kind === 'skipped'
  )
}

function isEnd({ event }: JournalRecord): boolean {
  return endsNode(event)
}
